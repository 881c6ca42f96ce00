import Warren

nonisolated(unsafe) private let keys = [
  STUNKey(password: "VOkJxbRl1RmTxUk/WvJxBt"), STUNKey(password: ""),
]

/// Reads all there is in a message, as it may have come over UDP and over TCP, and answers it as a server.
func fuzzSTUN(_ bytes: [UInt8]) {
  read(bytes.span.bytes)
  serve(bytes)
  var reader = STUNStreamReader()
  for start in stride(from: 0, to: bytes.count, by: 7) {
    reader.append(bytes[start..<min(start + 7, bytes.count)])
    do {
      while let frame = try reader.next() { read(frame.span.bytes) }
    } catch {
      return
    }
  }
}

private func read(_ bytes: RawSpan) {
  guard let message = try? STUNMessage(bytes) else { return }
  precondition(bytes.byteCount <= 65_555 && bytes.byteCount >= 20)
  message.forEachAttribute { attribute, value in
    precondition(value.byteCount <= bytes.byteCount)
    _ = message.address(in: value, isMasked: true)
    _ = message.address(in: value, isMasked: false)
    _ = message.number(attribute)
    _ = message.longNumber(attribute)
    _ = message.text(attribute)
    return true
  }
  _ = (message.mappedAddress, message.errorCode, message.hasFingerprint, message.integrity)
  for key in keys { _ = message.isSigned(with: key) }
}

private func serve(_ bytes: [UInt8]) {
  let primary = SocketAddress(IPAddress(192, 0, 2, 1), port: 3478)
  let other = SocketAddress(IPAddress(192, 0, 2, 2), port: 3479)
  var answer = STUNMessageWriter()
  for alternate in [nil, other] {
    var server = STUNServerCore(.init(primary: primary, alternate: alternate))
    for source in [SocketAddress(IPAddress(198, 51, 100, 1), port: 9), primary] {
      if let route = server.receive(bytes.span.bytes, from: source, at: primary, into: &answer) {
        // It never says more than it was asked, but for its own address and the caller's; and never talks to itself.
        precondition(route.destination.ip == source.ip && source != primary)
        precondition(answer.byteCount <= bytes.count + 140)
        precondition((try? STUNMessage(answer.bytes)) != nil)
      }
    }
    _ = server.receiveOnStream(bytes.span.bytes, from: other, at: primary, into: &answer)
  }
}

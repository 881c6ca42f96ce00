import WarrenMachine
import WarrenSTUN
import WarrenTLS

/// TCP to a relay, with TLS in it or without (RFC 8656, 3.1).
final class StreamCarrier: RelayCarrier {
  var server: SocketAddress { tcp.remoteAddress }
  var localAddress: SocketAddress { tcp.localAddress }
  let isReliable = true
  var isBlocked: Bool { waitingCount > 0 }

  private let tcp: any TCPConnection
  private let tls: TLSCore?
  private var reader = RelayStreamReader()
  /// What is to be written, as it is before TLS.
  private var waiting: [UInt8] = []
  private var taken = 0
  private var waitingCount: Int { waiting.count - taken }
  private var hasEnded = false
  private let scratch = UnsafeMutableRawBufferPointer.allocate(
    byteCount: RelayClientLimits.readBytes, alignment: 16)
  /// What TLS has decrypted; empty without it.
  private let plain: UnsafeMutableRawBufferPointer

  private init(_ tcp: any TCPConnection, _ tls: TLSCore?) {
    self.tcp = tcp
    self.tls = tls
    plain = .allocate(byteCount: tls == nil ? 0 : TLSLimits.recordBytes, alignment: 16)
  }

  deinit {
    scratch.deallocate()
    plain.deallocate()
  }

  // MARK: Opening

  /// Connects to a relay, which over TLS has to prove that it has the key, where one is known.
  static func open(
    to server: SocketAddress, on machine: any Machine, _ security: RelaySecurity?
  ) async throws -> StreamCarrier {
    let tcp = try machine.openTCP(to: server, options: TCPOptions())
    // It is closed when it takes too long: whoever waits for it hears of that.
    let timer = machine.makeTimer { tcp.close() }
    timer.schedule(at: machine.now.advanced(by: RelayClientLimits.connecting))
    defer { timer.cancel() }
    do {
      try await tcp.opened()
      let carrier = StreamCarrier(tcp, try security?.session(at: machine.now))
      try await carrier.shakeHands()
      return carrier
    } catch {
      tcp.close()
      if !timer.isScheduled, !(error is CancellationError) { throw RelayError(.silent) }
      throw error
    }
  }

  private func shakeHands() async throws {
    guard let tls else { return }
    while tls.phase == .handshaking {
      while try !transmit() { try await tcp.waitUntilWritable("shake hands over") }
      while try readTCP() == .nothingYet { try await tcp.waitUntilReadable() }
    }
    // The last flight, or an alert.
    _ = try? transmit()
    if case .ended(let error) = tls.phase { throw error ?? TLSError(.closed) }
  }

  // MARK: Reading

  func start(_ user: any RelayCarrierUser) {
    tcp.onReadable = { [self] in read(for: user) }
    // What came with the handshake.
    if tls != nil { read(for: user) }
  }

  private func read(for user: any RelayCarrierUser) {
    do {
      let found = try readTCP()
      try reader.forEach { bytes in
        user.received(bytes, ecn: .notCapable)
        return true
      }
      user.receivedAll()
      // New keys, perhaps.
      if tls != nil { try flushNow(user) }
      if found == .ended { end(RelayError(.network(.connectionReset(server))), user) }
    } catch let error as STUNMessageError {
      end(RelayError(.badAnswer, reason: error.description), user)
    } catch {
      end(RelayError(error), user)
    }
  }

  /// Takes what TCP has, through TLS if there is one.
  private func readTCP() throws -> TCPRead {
    var span = OutputRawSpan(buffer: scratch, initializedCount: 0)
    let found = try tcp.readNow(into: &span)
    let count = span.finalize(for: scratch)
    let bytes = UnsafeRawBufferPointer(rebasing: scratch[..<count])
    guard let tls else {
      if count > 0 { reader.append(bytes) }
      return found
    }
    var rest = bytes
    while !rest.isEmpty {
      let given = tls.receive(RawSpan(_unsafeBytes: rest))
      rest = UnsafeRawBufferPointer(rebasing: rest[given...])
      try readTLS(tls)
      guard given > 0 else { throw TLSError(.system, reason: "TLS takes no more") }
    }
    if found == .ended { tls.receiveEnd() }
    try readTLS(tls)
    return found
  }

  private func readTLS(_ tls: TLSCore) throws {
    guard tls.phase != .handshaking else { return }
    var found = TCPRead.nothingYet
    repeat {
      var span = OutputRawSpan(buffer: plain, initializedCount: 0)
      do throws(TLSError) { found = try tls.read(into: &span) } catch {
        _ = span.finalize(for: plain)
        throw error
      }
      let count = span.finalize(for: plain)
      reader.append(UnsafeRawBufferPointer(rebasing: plain[..<count]))
      if found == .ended { throw TLSError(.closed, isRemote: true) }
    } while found != .nothingYet
  }

  // MARK: Writing

  func append(channel: UInt16, _ payload: RawSpan, ecn: ECN) -> Bool {
    guard waitingCount < RelayClientLimits.streamBytes else { return false }
    makeRoom()
    waiting.append(channel: channel, payload)
    return true
  }

  func append(message: RawSpan, ecn: ECN, isData: Bool) -> Bool {
    guard !isData || waitingCount < RelayClientLimits.streamBytes else { return false }
    makeRoom()
    message.withUnsafeBytes { waiting.append(contentsOf: $0) }
    return true
  }

  private func makeRoom() {
    guard taken >= RelayClientLimits.streamBytes / 2 else { return }
    waiting.removeFirst(taken)
    taken = 0
  }

  func flush(_ user: any RelayCarrierUser) throws(NetworkError) {
    do { try flushNow(user) } catch {
      let error = RelayError(error)
      end(error, user)
      if case .network(let error) = error.code { throw error }
      throw .closed
    }
  }

  private func flushNow(_ user: any RelayCarrierUser) throws {
    guard !hasEnded else { throw NetworkError.closed }
    let isDone = try write()
    if isDone {
      tcp.onWritable = nil
    } else if tcp.onWritable == nil {
      tcp.onWritable = { [self] in
        do { try flushNow(user) } catch { return end(RelayError(error), user) }
        if !isBlocked { user.becameWritable() }
      }
    }
  }

  /// - Returns: whether all has left.
  private func write() throws -> Bool {
    while true {
      let before = waitingCount
      taken += try writeSome()
      if waitingCount == 0 {
        waiting.removeAll(keepingCapacity: true)
        taken = 0
      }
      if try !transmit() { return false }
      if waitingCount == 0 { return true }
      if waitingCount == before { return false }
    }
  }

  private func writeSome() throws -> Int {
    let bytes = waiting
    let rest = bytes.span.bytes.extracting(droppingFirst: taken)
    if let tls { return try tls.write(rest) }
    return try tcp.writeNow(rest)
  }

  /// Has TCP take what TLS has written.
  ///
  /// - Returns: whether it has taken all.
  private func transmit() throws -> Bool {
    guard let tls else { return true }
    var left = -1
    while tls.outgoingCount > 0, tls.outgoingCount != left {
      left = tls.outgoingCount
      try tls.transmit { (bytes) throws(NetworkError) in try tcp.writeNow(bytes) }
    }
    return tls.outgoingCount == 0
  }

  // MARK: Ending

  private func end(_ error: RelayError, _ user: any RelayCarrierUser) {
    guard !hasEnded else { return }
    hasEnded = true
    tcp.close()
    user.carrierEnded(error)
  }

  func close() {
    guard !hasEnded else { return }
    hasEnded = true
    _ = try? write()
    try? tls?.finish()
    _ = try? transmit()
    tcp.close()
  }
}

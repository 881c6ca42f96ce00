import WarrenMachine

/// A name server that answers as it is told. Used on its machine's executor alone: hence `@unchecked`.
public final class ScriptedNameServer: @unchecked Sendable {
  /// Where a service is.
  public struct Service: Sendable {
    var priority: UInt16
    var weight: UInt16
    var port: UInt16
    var target: String

    public init(priority: UInt16 = 1, weight: UInt16 = 0, port: UInt16, target: String) {
      (self.priority, self.weight, self.port, self.target) = (priority, weight, port, target)
    }
  }

  public let machine: any Machine
  public let address: SocketAddress
  /// By name.
  public var services: [String: [Service]] = [:]
  /// How many bytes a datagram has room for.
  public var room = 512
  /// What it says instead; nil for what it knows.
  public var code: UInt8?
  /// Whether it says something else first, as somebody would who guesses.
  public var isForged = false
  public private(set) var asked: [String] = []
  public private(set) var askedOverTCP = 0
  private let socket: any UDPSocket
  private let listener: any TCPListener

  public init(on machine: any Machine, at ip: IPAddress, port: UInt16 = 53) throws {
    self.machine = machine
    socket = try machine.bindUDP(to: SocketAddress(ip, port: port))
    address = socket.localAddress
    listener = try machine.listenTCP(on: address)
    socket.onDatagrams = { [unowned self] batch in
      batch.forEach { datagram in
        let question = datagram.payload.withUnsafeBytes { Array($0) }
        asked.append(Self.name(question))
        if isForged {
          for place in [1, 15] {
            var other = answer(question, [Service(port: 6, target: "6.6.6.6.example")])
            other[place] ^= 1
            send(other, to: datagram.source)
          }
        }
        var whole = answer(question)
        if whole.count > room {
          whole = question
          whole[2] = 0x83
        }
        send(whole, to: datagram.source)
      }
    }
    nonisolated(unsafe) let listener = listener
    machine.spawn("questions over TCP") { [weak self] in
      while true {
        nonisolated(unsafe) let connection = try await listener.accept()
        defer { connection.close() }
        guard let question = try await connection.read(), let self else { continue }
        askedOverTCP += 1
        let answer = answer(Array(question.dropFirst(2)))
        // In pieces, as it may come.
        let framed = [UInt8(answer.count >> 8), UInt8(answer.count & 0xFF)] + answer
        for piece in [framed.prefix(1), framed[1..<9], framed[9...]] {
          try await connection.write(Array(piece))
          try await machine.sleep(for: .milliseconds(1))
        }
      }
    }
  }

  private func send(_ bytes: [UInt8], to remote: SocketAddress) {
    var outbox = DatagramOutbox()
    outbox.append(bytes.span.bytes, to: remote)
    socket.sendOrDrop(&outbox)
  }

  private static func name(_ question: [UInt8]) -> String {
    var (labels, rest): ([String], ArraySlice<UInt8>) = ([], question[12...])
    while let count = rest.popFirst(), count > 0 {
      labels.append(String(decoding: rest.prefix(Int(count)), as: UTF8.self))
      rest = rest.dropFirst(Int(count))
    }
    return labels.joined(separator: ".")
  }

  private func answer(_ question: [UInt8], _ said: [Service]? = nil) -> [UInt8] {
    let found = said ?? services[Self.name(question)] ?? []
    var bytes = question
    (bytes[2], bytes[3]) = (0x81, 0x80 | (code ?? (found.isEmpty ? 3 : 0)))
    bytes[7] = UInt8(code == nil ? found.count : 0)
    for service in found where code == nil {
      let labels = service.target.split(separator: ".").map { Array($0.utf8) }
      let target: [UInt8] = labels.flatMap { [UInt8($0.count)] + $0 } + [0]
      bytes += [0xC0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, UInt8(6 + target.count)]
      for number in [service.priority, service.weight, service.port] {
        bytes += [UInt8(number >> 8), UInt8(number & 0xFF)]
      }
      bytes += target
    }
    return bytes
  }

  public func stop() {
    socket.close()
    listener.close()
  }
}

import WarrenMachine

/// Calls an ``EchoServer`` and waits for its answer.
public actor EchoClient {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  /// What came back.
  public struct Answer: Hashable, Sendable {
    /// The bytes, as they were sent.
    public var bytes: [UInt8]
    /// Who answered.
    public var from: SocketAddress
    /// How long it took, from the first question on.
    public var after: Duration
  }

  private var socket: (any UDPSocket)?
  private var outbox = DatagramOutbox(byteCapacity: 65_536)
  private var question: Question?
  private var timer: MachineTimer?

  /// What was asked and has not been answered.
  private struct Question {
    var bytes: [UInt8]
    var server: SocketAddress
    var pause = Duration.milliseconds(100)
    var wait: Wait<SocketAddress>
  }

  /// A client on a machine.
  public init(on machine: any Machine) {
    self.machine = machine
  }

  /// Sends `bytes` to an echo over UDP, again after 100 ms, 200 ms and so on, until they come back.
  ///
  /// - Throws: ``DeadlineExceeded`` when nothing came back in time.
  public func call(
    _ server: SocketAddress, with bytes: [UInt8], within limit: Duration = .seconds(5)
  ) async throws -> Answer {
    let socket = try self.socket ?? machine.bindUDP(to: .any(server.ip.family))
    self.socket = socket
    socket.deliver(to: self) { client, batch in client.take(batch) }
    let start = machine.now
    let from = try await machine.withDeadline(limit) { try await self.ask(server, bytes) }
    return Answer(bytes: bytes, from: from, after: start.duration(to: machine.now))
  }

  /// Sends `bytes` to an echo over TCP, finishes, and reads what comes back.
  public func callOverTCP(_ server: SocketAddress, with bytes: [UInt8]) async throws -> Answer {
    let start = machine.now
    let connection = try await machine.connectTCP(to: server)
    defer { connection.close() }
    var received: [UInt8] = []
    var sent = 0
    // Reading and writing in turn: an echo whose answer nobody reads stops listening.
    while received.count < bytes.count {
      if sent < bytes.count {
        let part = bytes[sent..<min(sent + 16_384, bytes.count)]
        try await connection.write(Array(part))
        sent += part.count
        if sent == bytes.count { try connection.finish() }
      }
      while received.count < sent {
        guard let more = try await connection.read() else { break }
        received += more
      }
      if received.count < sent { throw NetworkError.connectionReset(server) }
    }
    return Answer(bytes: received, from: server, after: start.duration(to: machine.now))
  }

  /// Forgets its socket.
  public func close() {
    socket?.close()
    socket = nil
  }

  private func ask(_ server: SocketAddress, _ bytes: [UInt8]) async throws -> SocketAddress {
    timer = machine.makeTimer { [weak self] in self?.assumeIsolated { $0.send() } }
    return try await machine.suspend({ "answer of the echo at \(server)" }) { wait in
      question = Question(bytes: bytes, server: server, wait: wait)
      wait.onEnd = { [weak self] in self?.assumeIsolated { $0.forgetQuestion() } }
      send()
    }
  }

  private func send() {
    guard let question else { return }
    outbox.append(to: question.server, capacity: question.bytes.count + 1) { datagram in
      datagram.append(EchoMark.question)
      datagram.append(copying: question.bytes.span.bytes)
    }
    socket?.sendOrDrop(&outbox)
    timer?.schedule(at: machine.now.advanced(by: question.pause))
    self.question?.pause *= 2
  }

  private func forgetQuestion() {
    question = nil
    timer?.cancel()
  }

  private func take(_ batch: borrowing DatagramBatch) {
    batch.forEach { datagram in
      guard let question, datagram.payload.byteCount == question.bytes.count + 1 else { return }
      let matches = datagram.payload.withUnsafeBytes { bytes in
        bytes[0] == EchoMark.answer && bytes[1...].elementsEqual(question.bytes)
      }
      if matches { question.wait.succeed(datagram.source) }
    }
  }
}

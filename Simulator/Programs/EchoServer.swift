import WarrenMachine

/// Answers whoever calls: a UDP datagram `?…` with `!…`, and TCP bytes with the same bytes.
///
/// A program to put on machines, and the smallest example of an actor over ``Machine``: it runs on a simulated
/// machine and on this one unchanged.
public actor EchoServer {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  /// Who called last, as it is seen from here: behind a NAT, the NAT's address.
  public private(set) var lastCaller: SocketAddress?
  /// How many datagrams were answered.
  public private(set) var answers = 0

  private var socket: (any UDPSocket)?
  private var listener: (any TCPListener)?
  private var outbox = DatagramOutbox()

  /// An echo on a machine; it begins with ``start(at:)``.
  public init(on machine: any Machine) {
    self.machine = machine
  }

  /// Answers at a UDP port, and at the TCP port of the same number.
  ///
  /// - Returns: where, with the port that the system chose.
  @discardableResult
  public func start(at address: SocketAddress = .any(.v4)) throws -> SocketAddress {
    let port = try machine.openTwinPorts(at: [address])[0]
    let (socket, listener) = (port.udp, port.tcp)
    socket.deliver(to: self) { server, batch in server.answer(batch) }
    self.socket = socket
    self.listener = listener
    machine.spawn("echo over TCP") { await self.answer(listener) }
    return socket.localAddress
  }

  /// Calls somebody first, so that a NAT before this machine lets calls in.
  public func greet(_ address: SocketAddress) throws {
    guard let socket else { return }
    outbox.append([EchoMark.greeting].span.bytes, to: address)
    try socket.send(&outbox)
  }

  /// Stops answering.
  public func stop() {
    socket?.close()
    listener?.close()
    socket = nil
    listener = nil
  }

  private func answer(_ batch: borrowing DatagramBatch) {
    batch.forEach { datagram in
      lastCaller = datagram.source
      guard datagram.payload.byteCount > 0,
        datagram.payload.unsafeLoad(as: UInt8.self) == EchoMark.question
      else { return }
      let question = datagram.payload.extracting(droppingFirst: 1)
      answers += 1
      outbox.append(to: datagram.source, from: datagram.localIP, capacity: datagram.payload.byteCount) {
        answer in
        answer.append(EchoMark.answer)
        answer.append(copying: question)
      }
    }
    socket?.sendOrDrop(&outbox)
  }

  private func answer(_ listener: any TCPListener) async {
    while let connection = try? await listener.accept() {
      let caller = Caller(connection)
      machine.spawn("echo for \(connection.remoteAddress)") { await self.answer(caller) }
    }
  }

  private func answer(_ caller: Caller) async {
    let connection = caller.connection
    do {
      while let bytes = try await connection.read() { try await connection.write(bytes) }
      try connection.finish()
      connection.close()
    } catch {
      connection.reset()
    }
  }

  /// A connection that moves from one of this actor's tasks to the next.
  private struct Caller: @unchecked Sendable {
    // Used on the machine's executor alone: hence `@unchecked`.
    let connection: any TCPConnection
    init(_ connection: any TCPConnection) { self.connection = connection }
  }
}

/// The first byte of an echo's datagrams: only questions are answered, or two echoes would talk for ever.
enum EchoMark {
  static let question = UInt8(ascii: "?")
  static let answer = UInt8(ascii: "!")
  static let greeting = UInt8(ascii: ".")
}

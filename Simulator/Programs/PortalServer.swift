import WarrenMachine

/// Answers whoever calls with the page of a captive portal: go there first, and agree.
public actor PortalServer {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  /// All that was said to it, one after the other, up to a limit.
  public private(set) var heard: [UInt8] = []
  private let remembered: Int
  private var listener: (any TCPListener)?

  /// A portal on a machine; it begins with ``start(at:)``.
  public init(on machine: any Machine, remembering limit: Int) {
    (self.machine, remembered) = (machine, limit)
  }

  /// Answers at a TCP port.
  public func start(at address: SocketAddress) throws {
    let listener = try machine.listenTCP(on: address)
    self.listener = listener
    machine.spawn("the portal") { await self.answer(listener) }
  }

  /// Stops answering.
  public func stop() {
    listener?.close()
    listener = nil
  }

  private func answer(_ listener: any TCPListener) async {
    while let connection = try? await listener.accept() {
      let caller = Caller(connection)
      machine.spawn("the portal's page for \(connection.remoteAddress)") { await self.answer(caller) }
    }
  }

  private func answer(_ caller: Caller) async {
    let connection = caller.connection
    do {
      if let bytes = try await connection.read() { heard += bytes.prefix(max(0, remembered - heard.count)) }
      try await connection.write(Self.page)
      try connection.finish()
      connection.close()
    } catch {
      connection.reset()
    }
  }

  private static let page = Array(
    "HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
      .utf8)

  /// A connection that moves from one of this actor's tasks to the next.
  private struct Caller: @unchecked Sendable {
    // Used on the machine's executor alone: hence `@unchecked`.
    let connection: any TCPConnection
    init(_ connection: any TCPConnection) { self.connection = connection }
  }
}

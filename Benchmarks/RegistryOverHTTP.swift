import Glibc
import Warren

/// Registrations and look-ups over HTTP, on loopback: what they cost the server's thread, beside an echo that only reads and
/// writes the same bytes.
enum RegistryOverHTTP {
  private static let clients = 8
  private static let rounds = 2000

  /// Asks the same again and again, as soon as it was answered.
  private actor Asker {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

    init(on machine: any Machine) { self.machine = machine }

    func ask(_ question: [UInt8], of server: SocketAddress, times: Int) async throws {
      let connection = try await machine.connectTCP(to: server)
      defer { connection.close() }
      for _ in 0..<times {
        try await connection.write(question)
        // An answer is one piece on loopback; one that has an error is shorter than all others.
        guard let answer = try await connection.read(), answer.count > 100 else { fatalError("no answer") }
      }
    }
  }

  private actor Echo {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private var listener: (any TCPListener)?

    init(on machine: any Machine) { self.machine = machine }

    func start() throws -> SocketAddress {
      let listener = try machine.listenTCP(on: .loopback(.v4))
      self.listener = listener
      machine.spawn("echo") {
        while true {
          let connection = try await self.accept()
          self.machine.spawn("echo to one") { try await self.serve(connection) }
        }
      }
      return listener.localAddress
    }

    private struct Held: @unchecked Sendable {
      // Used on the machine's executor alone: hence `@unchecked`.
      let connection: any TCPConnection
    }

    private func accept() async throws -> Held {
      guard let listener else { throw NetworkError.closed }
      return Held(connection: try await listener.accept())
    }

    private func serve(_ held: Held) async throws {
      while let bytes = try await held.connection.read() { try await held.connection.write(bytes) }
      held.connection.close()
    }

    func stop() { listener?.close() }
  }

  /// How long a question takes, and how much of the server's thread.
  private static func measure(
    _ question: String, of server: SocketAddress, on machine: any Machine
  ) async throws -> (perSecond: Double, microseconds: Double) {
    let client = LocalMachine(name: "clients")
    let asker = Asker(on: client)
    let bytes = Array(question.utf8)
    try await asker.ask(bytes, of: server, times: 200)
    let used = try await machine.run { threadSeconds() }
    let start = now()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<clients { group.addTask { try await asker.ask(bytes, of: server, times: rounds) } }
      try await group.waitForAll()
    }
    let seconds = now() - start
    let cost = try await machine.run { threadSeconds() } - used
    await client.close()
    let count = Double(clients * rounds)
    return (count / seconds, cost / count * 1e6)
  }

  private static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static func run() async throws {
    print("registry over HTTP, on loopback, \(clients) clients that wait for each answer")
    let machine = LocalMachine(name: "registry")
    var terms = Registry.Configuration()
    terms.permitsLoopback = true
    var configuration = RegistryHTTPServer.Configuration()
    configuration.burst = 1e9
    let server = RegistryHTTPServer(of: Registry(on: machine, terms), configuration)
    let address = try await server.start(at: .loopback(.v4))
    let echo = Echo(on: machine)
    let echoAddress = try await echo.start()

    let head = "Host: 127.0.0.1\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n"
    let candidates = (1...4).map { "{\"ip\":\"192.168.1.\($0)\",\"port\":4433}" }.joined(separator: ",")
    let body = "{\"id\":\"a\",\"candidates\":[\(candidates)],\"timestamp\":\"0001-01-01T00:00:00Z\"}"
    let register =
      "POST /register HTTP/1.1\r\n\(head)Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    let bare = try await measure(register, of: echoAddress, on: machine)
    print(
      "  echo of the same bytes   \(perSecond(Int(bare.perSecond), 1))/s   \(tenths(bare.microseconds)) us of CPU"
    )
    for (name, question) in [
      ("registration", register), ("look-up     ", "GET /peer?id=a HTTP/1.1\r\n\(head)\r\n"),
      ("health      ", "GET /healthz HTTP/1.1\r\n\(head)\r\n"),
    ] {
      let cost = try await measure(question, of: address, on: machine)
      print(
        "  \(name)             \(perSecond(Int(cost.perSecond), 1))/s   \(tenths(cost.microseconds)) us of CPU   \(ratio(cost.microseconds, bare.microseconds)) of an echo's"
      )
    }
    await echo.stop()
    await server.stop()
    await machine.close()
  }

  private static func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}

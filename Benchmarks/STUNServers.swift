import Glibc
import Warren

/// Binding requests a second over loopback: our server, and coturn's, asked by the same program.
enum STUNServers {
  /// Asks again whenever it is answered, with so many questions under way.
  private actor Asker {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private var sockets: [any UDPSocket] = []
    private var outboxes: [Outbox] = []
    private let server: SocketAddress
    private let question: [UInt8]
    private(set) var answers = 0

    private final class Outbox {
      var datagrams = DatagramOutbox()
    }

    init(on machine: any Machine, asking server: SocketAddress) {
      self.machine = machine
      self.server = server
      var writer = STUNMessageWriter()
      writer.begin(.request, .binding, TransactionID(1, 2))
      question = writer.copy
    }

    func start() throws {
      var options = UDPOptions()
      // A server is asked by many, each with a datagram of its own.
      options.usesOffload = false
      for number in 0..<8 {
        let socket = try machine.bindUDP(to: .loopback(.v4), options: options)
        sockets.append(socket)
        outboxes.append(Outbox())
        socket.deliver(to: self) { asker, batch in
          var count = 0
          batch.forEach { _ in count += 1 }
          asker.answers += count
          asker.ask(count, by: number)
        }
        ask(32, by: number)
      }
    }

    /// What was lost, in full buffers, is asked anew.
    func askAgain() { for number in sockets.indices { ask(4, by: number) } }

    private func ask(_ count: Int, by number: Int) {
      let question = question
      for _ in 0..<count { outboxes[number].datagrams.append(question.span.bytes, to: server) }
      sockets[number].sendOrDrop(&outboxes[number].datagrams)
    }

    func stop() { for socket in sockets { socket.close() } }
  }

  private static func rate(of server: SocketAddress) async throws -> Double {
    let machine = LocalMachine(name: "asker")
    let asker = Asker(on: machine, asking: server)
    try await asker.start()
    try await machine.sleep(for: .milliseconds(200))
    let before = await asker.answers
    let start = now()
    for _ in 0..<10 {
      try await machine.sleep(for: .milliseconds(100))
      await asker.askAgain()
    }
    let rate = Double(await asker.answers - before) / (now() - start)
    await asker.stop()
    await machine.close()
    return rate
  }

  private static func ours() async throws -> Double {
    let machine = LocalMachine(name: "server")
    let server = STUNServer(on: machine)
    let address = try await server.start(at: .loopback(.v4)).primary
    let rate = try await rate(of: address)
    await server.stop()
    await machine.close()
    return rate
  }

  private static let coturnsPort: UInt16 = 34_780

  /// coturn with one thread for its work, which is what ours has.
  private static func startCoturn() -> Program? {
    let words = [
      "turnserver", "-n", "--listening-ip=127.0.0.1", "--listening-port=\(coturnsPort)", "--stun-only",
      "--no-cli",
      "--no-tls", "--no-dtls", "--no-tcp", "--relay-threads=1", "--log-file=/dev/null", "--pidfile=/dev/null",
      "--no-software-attribute",
    ]
    return Program.silent(words)
  }

  static func run() async throws {
    print("STUN servers over loopback, one thread each, asked by one thread")
    let coturn = startCoturn()
    defer { coturn?.end() }
    usleep(500_000)
    var (mine, theirs): ([Double], [Double]) = ([], [])
    for _ in 0..<5 {
      mine.append(try await ours())
      if coturn != nil { theirs.append(try await rate(of: .loopback(.v4, port: coturnsPort))) }
    }
    let rate = mine.sorted()[2]
    print("  Warren's   \(perSecond(Int(rate), 1)) answers/s", terminator: "")
    guard coturn != nil, theirs.sorted()[2] > 0 else {
      print("\n  coturn is not installed: apt-get install --no-install-recommends coturn")
      return
    }
    let base = theirs.sorted()[2]
    print("   \(ratio(rate, base)) of coturn's\n  coturn's   \(perSecond(Int(base), 1)) answers/s")
  }
}

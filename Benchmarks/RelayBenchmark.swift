import CBare
import Glibc
import Warren

/// Datagrams through a relay: our server's, and coturn's, in turns, with the same clients.
///
/// Each server is a program of its own, so that it is known whose processor's time it is. Both have one thread for their work.
enum RelayBenchmark {
  private static let user = ("alice", "secret")
  private static let realm = "warren"
  private static let rounds = 3

  // MARK: The program that relays

  /// Serves until its input ends.
  static func serve() async throws {
    let machine = LocalMachine(name: "relay")
    var configuration = RelayConfiguration(
      RelayCredentials(users: [user.0: user.1]), at: RelayAddress(.loopback(.v4)))
    configuration.permits = [IPPrefix(.loopback(.v4), length: 8)]
    configuration.realm = realm
    configuration.allocationsPerUser = 10_000
    configuration.bandwidth = nil
    configuration.allocationsPerAddress = 10_000
    let server = RelayServer(on: machine, configuration)
    let address = try await server.start(at: .loopback(.v4)).plain[0]
    print(address.port)
    fflush(nil)
    while readLine() != nil {}
    await server.stop()
    await machine.close()
  }

  /// A server that runs.
  private struct Served {
    let name: String
    let program: Program
    let port: UInt16
    private let input: CInt

    static func ours() throws -> Served {
      let (program, input, output) = Program.another(doing: "relay-server")
      defer { fclose(output) }
      guard let port = UInt16(output.line() ?? "") else {
        preconditionFailure("the relay's program is gone")
      }
      return Served(name: "Warren", program: program, port: port, input: input)
    }

    /// coturn with its own configuration; nil where it is not installed.
    static func coturns(in folder: String) -> Served? {
      let port: UInt16 = 34_790
      let lines = [
        "listening-ip=127.0.0.1", "relay-ip=127.0.0.1", "listening-port=\(port)", "lt-cred-mech",
        "user=\(user.0):\(user.1)", "realm=\(realm)", "allow-loopback-peers", "no-cli", "no-tls", "no-dtls",
        "no-tcp", "relay-threads=1", "no-software-attribute", "min-port=40000", "max-port=60000",
        "log-file=/dev/null", "pidfile=\(folder)/pid", "userdb=\(folder)/users", "simple-log",
      ]
      let path = "\(folder)/turnserver.conf"
      guard let file = fopen(path, "w") else { return nil }
      fputs(lines.joined(separator: "\n") + "\n", file)
      fclose(file)
      guard let program = Program.silent(["turnserver", "-c", path]) else { return nil }
      usleep(1_000_000)
      return Served(name: "coturn", program: program, port: port, input: -1)
    }

    func end() {
      if input >= 0 { close(input) }
      program.end()
    }
  }

  // MARK: Clients

  /// A client with an allocation, and a channel to a peer.
  private struct Client {
    let socket: CInt
    private(set) var relayed: UInt16 = 0
    private var nonce: [UInt8] = []

    init(to port: UInt16) { socket = bare_relay_socket(port) }

    mutating func allocate(_ key: STUNKey) -> Bool {
      for _ in 0..<2 {
        guard let answer = ask(.allocate, key, { $0.add(.requestedTransport, 17 << 24 as UInt32) }),
          let message = try? STUNMessage(answer.span.bytes)
        else { return false }
        if let address = message.maskedAddress(.xorRelayedAddress) {
          relayed = address.port
          return true
        }
        guard let fresh = message.value(of: .nonce) else { return false }
        nonce = fresh.withUnsafeBytes { Array($0) }
      }
      return false
    }

    func bind(to peer: UInt16, _ key: STUNKey) -> Bool {
      let answer = ask(.channelBind, key) {
        $0.add(.channelNumber, 0x4000_0000 as UInt32)
        $0.add(.xorPeerAddress, masked: .loopback(.v4, port: peer))
      }
      guard let answer, let message = try? STUNMessage(answer.span.bytes) else { return false }
      return message.messageClass == .success
    }

    func giveBack(_ key: STUNKey) {
      _ = ask(.refresh, key) { $0.add(.lifetime, 0 as UInt32) }
      close(socket)
    }

    private func ask(
      _ method: STUNMethod, _ key: STUNKey, _ fill: (inout STUNMessageWriter) -> Void
    ) -> [UInt8]? {
      var writer = STUNMessageWriter()
      var random = SystemChance()
      writer.begin(.request, method, TransactionID(using: &random))
      fill(&writer)
      if !nonce.isEmpty {
        writer.add(.username, RelayBenchmark.user.0)
        writer.add(.realm, RelayBenchmark.realm)
        writer.add(.nonce, nonce.span.bytes)
        writer.sign(with: key)
      }
      let bytes = writer.copy
      guard send(socket, bytes, bytes.count, 0) == bytes.count else { return nil }
      var answer = [UInt8](repeating: 0, count: 2048)
      let count = recv(socket, &answer, answer.count, 0)
      return count > 0 ? Array(answer[..<count]) : nil
    }
  }

  /// What tells requests apart; nobody is to be kept from guessing it.
  private struct SystemChance: RandomNumberGenerator {
    mutating func next() -> UInt64 { UInt64(UInt32.random(in: 0...UInt32.max)) << 32 | UInt64(rand()) }
  }

  // MARK: Measuring

  /// Rates of one server in one round, by what was measured.
  private typealias Figures = [String: (rate: Double, cost: Double)]

  private struct Case {
    var count: Int
    var size: Int
    var burst: Int
    /// Whether these leave their sender in one call that the kernel splits, and are not split on the way.
    var isJoined = true
    var toClients = false
    var name: String {
      "\(count) allocation\(count == 1 ? "" : "s"), \(size) bytes, "
        + (burst == 1 ? "one by one" : "\(burst) \(isJoined ? "in one" : "in a row")")
        + (toClients ? ", to clients" : "")
    }
  }

  private static let cases: [Case] =
    [1, 100, 1000].flatMap { count in
      [100, 1200].flatMap { size in
        [
          Case(count: count, size: size, burst: 1),
          Case(count: count, size: size, burst: 16, isJoined: false),
          Case(count: count, size: size, burst: 16),
        ]
      }
    }
    + [(1, true), (16, false), (16, true)].map {
      Case(count: 100, size: 1200, burst: $0.0, isJoined: $0.1, toClients: true)
    }

  private static func measure(_ server: Served, into figures: inout Figures) {
    let key = STUNKey(username: user.0, realm: realm, password: user.1)
    let peer = bare_relay_socket(0)
    let peerPort = bare_relay_port(peer)
    defer { close(peer) }
    var first = Client(to: server.port)
    precondition(first.allocate(key) && first.bind(to: peerPort, key), "\(server.name) gives no allocation")
    let (memory, cpu, start) = (server.program.residentBytes, server.program.seconds, now())
    var clients = [first]
    for _ in 1..<1000 {
      var client = Client(to: server.port)
      guard client.allocate(key) else { break }
      clients.append(client)
    }
    let made = Double(clients.count - 1)
    figures["allocations"] = (made / (now() - start), (server.program.seconds - cpu) / made * 1e6)
    for client in clients.dropFirst() { _ = client.bind(to: peerPort, key) }
    figures["memory"] = (Double(server.program.residentBytes - memory) / made, 0)
    let (sockets, ports) = (clients.map(\.socket), clients.map(\.relayed))
    for one in cases where one.count <= clients.count {
      let before = server.program.seconds
      let result = sockets.withUnsafeBufferPointer { sockets in
        ports.withUnsafeBufferPointer { ports in
          bare_relay(
            bare_relay_load(
              clients: sockets.baseAddress, relayed: ports.baseAddress, count: CInt(one.count), peer: peer,
              size: CInt(one.size), burst: CInt(one.burst), offload: one.isJoined ? 1 : 0,
              to_clients: one.toClients ? 1 : 0, seconds: 1))
        }
      }
      figures[one.name] = (
        Double(result.heard) / result.seconds,
        (server.program.seconds - before) / Double(max(result.heard, 1)) * 1e6
      )
      figures[one.name + " lost"] = (Double(result.sent - result.heard) / Double(max(result.sent, 1)), 0)
    }
    for client in clients { client.giveBack(key) }
  }

  static func run() throws {
    // Each allocation is a descriptor of ours, and one or two of the server's.
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = min(limit.rlim_max, 65_536)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    print(
      "relays over loopback, one thread each, in turns; a processor's microseconds are the server's alone")
    var name = Array("/tmp/warren-bench-XXXXXX".utf8CString)
    let folder = name.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    defer { system("rm -rf \(folder)") }
    var (mine, theirs): ([Figures], [Figures]) = ([], [])
    for _ in 0..<rounds {
      var figures = Figures()
      let ours = try Served.ours()
      measure(ours, into: &figures)
      ours.end()
      mine.append(figures)
      guard let coturn = Served.coturns(in: folder) else { continue }
      figures = [:]
      measure(coturn, into: &figures)
      coturn.end()
      theirs.append(figures)
    }
    show(mine, theirs)
  }

  private static func show(_ mine: [Figures], _ theirs: [Figures]) {
    func middle(_ all: [Figures], _ name: String, _ value: ((rate: Double, cost: Double)) -> Double) -> Double
    {
      let sorted = all.compactMap { $0[name].map(value) }.sorted()
      return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }
    for (name, words) in [("allocations", "allocations, each with a challenge")]
      + cases.map({ ($0.name, $0.name) })
    {
      let (rate, cost) = (middle(mine, name, \.rate), middle(mine, name, \.cost))
      var line = "  \(words): \(perSecond(Int(rate), 1))/s, \(ratio(cost, 1)) us"
      if let size = cases.first(where: { $0.name == name })?.size {
        line += ", \(ratio(rate * Double(size) * 8, 1e9)) Gbit/s"
        line += ", lost \(ratio(middle(mine, name + " lost", \.rate) * 100, 1)) %"
      }
      if !theirs.isEmpty {
        let (base, baseCost) = (middle(theirs, name, \.rate), middle(theirs, name, \.cost))
        line += "; coturn \(perSecond(Int(base), 1))/s, \(ratio(baseCost, 1)) us"
        line += "; \(ratio(baseCost, max(cost, 0.001))) times coturn's for a processor's second"
      }
      print(line)
    }
    let memory = Int(middle(mine, "memory", \.rate))
    let base = Int(middle(theirs, "memory", \.rate))
    print(
      "  an allocation holds \(memory) bytes of resident memory"
        + (theirs.isEmpty ? "" : "; coturn's \(base)"))
    if theirs.isEmpty { print("  coturn is not installed: apt-get install --no-install-recommends coturn") }
  }
}

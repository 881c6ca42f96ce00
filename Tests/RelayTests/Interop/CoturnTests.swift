import Glibc
import TestSupport
import Testing
import Warren

/// Our server, and coturn's client, which counts what it loses.
@Suite("A relay's server with coturn's client", .serialized)
struct CoturnTests {
  static let obstacle: String? =
    system("command -v turnutils_uclient >/dev/null 2>&1 && command -v openssl >/dev/null 2>&1") == 0
    ? nil : "turnutils_uclient or openssl is not there: Scripts/interop.sh installs coturn and openssl"

  /// Sends back whatever comes.
  private actor Echo {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private var socket: (any UDPSocket)?
    private var outbox = DatagramOutbox()

    init(on machine: any Machine) { self.machine = machine }

    func start() throws -> UInt16 {
      let socket = try machine.bindUDP(to: .loopback(.v4))
      self.socket = socket
      socket.deliver(to: self) { echo, batch in
        batch.forEach { echo.outbox.append($0.payload, to: $0.source) }
        echo.socket?.sendOrDrop(&echo.outbox)
      }
      return socket.localAddress.port
    }

    func stop() { socket?.close() }
  }

  /// What the client is told, beside where it finds the server.
  private static let ways: [(words: String, isTLS: Bool)] = [
    ("-e 127.0.0.1 -c", false), ("-e 127.0.0.1 -c -s", false), ("-e 127.0.0.1 -c -t", false),
    ("-e 127.0.0.1 -c -t -s", false), ("-e 127.0.0.1 -c -t -S", true), ("-y -c", false), ("-y -c -t", false),
    ("-y -c -t -S", true),
    // With a second port for each, kept for it.
    ("-e 127.0.0.1", false), ("-y", false), ("-e 127.0.0.1 -c -G", false),
  ]

  @Test(
    "loses nothing, over UDP, TCP and TLS, with peers and among clients",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")), arguments: 0..<11)
  func client(number: Int) async throws {
    let (words, isTLS) = Self.ways[number]
    for secret in [false, true] {
      try await Folder.with { folder in
        let (machine, other) = (LocalMachine(name: "relay"), LocalMachine(name: "peer"))
        let made = system(
          "openssl req -x509 -newkey ed25519 -nodes -keyout \(folder)/key -out \(folder)/pem -subj /CN=relay -days 2 2>/dev/null"
        )
        try #require(made == 0)
        let identity = try TLSIdentity(
          certificate: #require(Folder.text(of: "\(folder)/pem")),
          key: #require(Folder.text(of: "\(folder)/key")))
        var configuration = RelayConfiguration(
          RelayCredentials(users: ["alice": "secret"], sharedSecrets: ["shared"]),
          at: RelayAddress(.loopback(.v4)))
        // It chooses any number at random.
        configuration.takesOldChannels = true
        configuration.permits = [IPPrefix(.loopback(.v4), length: 32)]
        let server = RelayServer(on: machine, configuration, identity: identity)
        let addresses = try await server.start(at: .loopback(.v4), tls: .loopback(.v4))
        let echo = Echo(on: other)
        let port = try await echo.start()
        let user = secret ? "-u alice -W shared" : "-u alice -w secret"
        let where_ = "-p \(isTLS ? addresses.tls!.port : addresses.plain[0].port) -r \(port)"
        let run = "timeout 40 turnutils_uclient \(user) \(words) \(where_) -m 4 -n 50 -l 300 -z 5 127.0.0.1"
        try #require(system("cd \(folder) && { \(run) >out 2>&1; echo $? >end; } &") == 0)
        _ = try await Folder.line(of: "\(folder)/end", on: machine)
        let said = Folder.text(of: "\(folder)/out") ?? ""
        #expect(
          said.contains("Total lost packets 0 (0.000000%), total send dropped 0 (0.000000%)"),
          "\(words): \(said.suffix(600))")
        let counters = await server.counters
        #expect(counters.toPeers >= 200 && counters.unsent == 0 && counters.unpermitted == 0, "\(counters)")
        if words.contains("-y") { #expect(counters.inside == counters.toPeers) }
        await server.stop()
        await echo.stop()
        await machine.close()
        await other.close()
      }
    }
  }
}

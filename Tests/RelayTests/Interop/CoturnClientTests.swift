import Glibc
import TestSupport
import Testing
import Warren

/// Our server, and coturn's client, which counts what it loses.
@Suite("A relay's server with coturn's client")
struct CoturnClientTests {
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
  private static let ways = [
    "-e 127.0.0.1 -c", "-e 127.0.0.1 -c -s", "-e 127.0.0.1 -c -t", "-e 127.0.0.1 -c -t -s",
    "-e 127.0.0.1 -c -t -S", "-y -c", "-y -c -t", "-y -c -t -S", "-e 127.0.0.1 -c -G",
    // With a second port for each, kept for it.
    "-y",
  ]

  @Test(
    "loses nothing, over UDP, TCP and TLS, with peers and among clients",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")), arguments: 0..<10)
  func client(number: Int) async throws {
    let words = Self.ways[number]
    let isTLS = words.contains("-S")
    try await Folder.with { folder in
      let (machine, other) = (LocalMachine(name: "relay"), LocalMachine(name: "peer"))
      let server = RelayServer(on: machine, Self.configuration, identity: try Self.identity(in: folder))
      let addresses = try await server.start(at: .loopback(.v4), tls: .loopback(.v4))
      let echo = Echo(on: other)
      let peer = try await echo.start()
      let user = number % 2 == 0 ? "-u alice -w secret" : "-u alice -W shared"
      let port = try isTLS ? #require(addresses.tls).port : addresses.plain[0].port
      let run =
        "timeout 60 turnutils_uclient \(user) \(words) -p \(port) -r \(peer) -m 4 -n 50 -l 300 -z 10 127.0.0.1"
      try #require(system("cd \(folder) && { \(run) >out 2>&1; echo $? >end; } &") == 0)
      for _ in 0..<3000 where Folder.text(of: "\(folder)/end")?.hasSuffix("\n") != true {
        try await machine.sleep(for: .milliseconds(20))
      }
      let said = Folder.text(of: "\(folder)/out") ?? ""
      let counters = await server.counters
      // Over TLS it takes only the first of the messages that have come in one record, and calls the others lost.
      let isWhole =
        isTLS ? counters.toClients == counters.toPeers : said.contains("Total lost packets 0 (0.000000%)")
      #expect(isWhole && said.contains("total send dropped 0 (0.000000%)"), "\(words): \(said.suffix(600))")
      // Of two clients, one may say something before the other has let it in.
      let isMeant = counters.unpermitted == 0 || words.contains("-y")
      #expect(counters.toPeers >= 200 && counters.unsent == 0 && isMeant, "\(words): \(counters)")
      if words.contains("-y") { #expect(counters.inside == counters.toPeers) }
      await server.stop()
      await echo.stop()
      await machine.close()
      await other.close()
    }
  }

  /// TCP with peers (RFC 6062): among clients, who connect to each other's addresses, and with peers who connect to theirs. Not
  /// over TLS, of which it may want an old version.
  @Test(
    "joins TCP connections and loses nothing, whoever connects",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")), arguments: ["-T", "-P"])
  func streams(words: String) async throws {
    try await Folder.with { folder in
      let machine = LocalMachine(name: "relay")
      let server = RelayServer(on: machine, Self.configuration)
      let port = try await server.start(at: .loopback(.v4)).plain[0].port
      let run =
        "timeout 60 turnutils_uclient -u alice -w secret \(words) -p \(port) -m 4 -n 50 -l 300 -z 10 127.0.0.1"
      try #require(system("cd \(folder) && { \(run) >out 2>&1; echo $? >end; } &") == 0)
      for _ in 0..<3000 where Folder.text(of: "\(folder)/end")?.hasSuffix("\n") != true {
        try await machine.sleep(for: .milliseconds(20))
      }
      let said = Folder.text(of: "\(folder)/out") ?? ""
      let counters = await server.counters
      // Where peers connect it counts what they send as well, and hears it nowhere: with its own server too.
      let heard = words == "-P" ? 100 : 200
      #expect(said.contains("tot_send_msgs=200, tot_recv_msgs=\(heard)\n"), "\(words): \(said.suffix(600))")
      #expect(counters.arrived > 0, "\(counters)")
      #expect(counters.connected == (words == "-P" ? 0 : counters.arrived), "\(counters)")
      #expect(counters.claimed == counters.arrived + counters.connected, "\(counters)")
      #expect(counters.bytesToPeers == 300 * heard && counters.bytesToClients == 300 * heard, "\(counters)")
      #expect(await server.streamCount == 0)
      await server.stop()
      await machine.close()
    }
  }

  private static var configuration: RelayConfiguration {
    var configuration = RelayConfiguration(
      RelayCredentials(users: ["alice": "secret"], sharedSecrets: ["shared"]),
      at: RelayAddress(.loopback(.v4)))
    // It chooses any number at random.
    configuration.takesOldChannels = true
    configuration.permits = [IPPrefix(.loopback(.v4), length: 32)]
    return configuration
  }

  private static func identity(in folder: String) throws -> TLSIdentity {
    let files = "-keyout \(folder)/key -out \(folder)/pem"
    try #require(
      system("openssl req -x509 -newkey ed25519 -nodes \(files) -subj /CN=relay -days 2 2>/dev/null") == 0)
    return try TLSIdentity(
      certificate: #require(Folder.text(of: "\(folder)/pem")), key: #require(Folder.text(of: "\(folder)/key"))
    )
  }
}

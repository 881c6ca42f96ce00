import Testing
import Warren
import WarrenSimulator

@Suite("Pairing over TCP")
struct PairingServerTests {
  /// What one says on a connection of its own, and is answered; nil where it ends without a word.
  private actor Visitor {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private var connection: (any TCPConnection)?

    init(on machine: any Machine) { self.machine = machine }

    func come(to server: SocketAddress) async throws -> SocketAddress {
      let connection = try await machine.connectTCP(to: server)
      self.connection = connection
      return connection.localAddress
    }

    func say(_ text: String) async throws {
      let connection = try #require(connection)
      try await connection.write(Array(text.utf8))
    }

    func answer() async throws -> String? {
      let connection = try #require(connection)
      var bytes: [UInt8] = []
      while let more = try await connection.read() { bytes += more }
      return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    func go() { connection?.close() }
  }

  private func run(
    _ world: TwoMachines, _ configuration: PairingServer.Configuration = .init(),
    _ body: @escaping @Sendable (TwoMachines.Pair, PairingServer, SocketAddress) async throws -> Void
  ) async throws {
    try await world.run { pair in
      let server = PairingServer(on: pair.bob, configuration)
      let address = try await server.start(at: SocketAddress(pair.bobIP(.v4), port: 0))
      try await body(pair, server, address)
      await server.stop()
    }
  }

  private static func question(
    _ key: String, for target: String = "", _ transport: String = "tcp", at address: String = ""
  ) -> String {
    "{\"uuid\":\"\(key)\",\"target_ip\":\"\(target)\",\"protocol\":\"\(transport)\",\"address\":\"\(address)\"}"
  }

  private static func told(_ transport: String, _ address: SocketAddress) -> String {
    "{\"protocol\":\"\(transport)\",\"peer_address\":\"\(address)\"}\n"
  }

  /// Comes, says something, and waits until it has been heard.
  private func visit(
    _ pair: TwoMachines.Pair, _ server: PairingServer, _ address: SocketAddress, _ text: String, waiting: Int
  ) async throws -> (Visitor, SocketAddress) {
    let visitor = Visitor(on: pair.alice)
    let own = try await visitor.come(to: address)
    try await visitor.say(text)
    try await pause(pair, until: server, has: waiting)
    return (visitor, own)
  }

  private func pause(_ pair: TwoMachines.Pair, until server: PairingServer, has waiting: Int) async throws {
    for _ in 0..<500 where await server.count != waiting {
      try await pair.alice.sleep(for: .milliseconds(10))
    }
    #expect(await server.count == waiting)
  }

  @Test(
    "tells one who waits and one who asks of each other, with or without a line's end",
    arguments: TwoMachines.allCases)
  func overTCP(world: TwoMachines) async throws {
    try await run(world) { pair, server, address in
      for (end, target) in [("\n", pair.aliceIP(.v4).description), ("", "0.0.0.0"), (" \r\n", "::")] {
        let (waiter, waits) = try await visit(
          pair, server, address, Self.question("key", for: target) + end, waiting: 1)
        let (asker, asks) = try await visit(pair, server, address, Self.question("key") + end, waiting: 0)
        #expect(try await asker.answer() == Self.told("tcp", waits))
        #expect(try await waiter.answer() == Self.told("tcp", asks))
        await waiter.go()
        await asker.go()
      }
      let (late, _) = try await visit(pair, server, address, Self.question("key"), waiting: 0)
      #expect(try await late.answer()?.hasPrefix("{\"protocol\":\"\",\"error\":\"nobody waits") == true)
      await late.go()
    }
  }

  @Test("tells of the address over UDP that its echo said before", arguments: TwoMachines.allCases)
  func overUDP(world: TwoMachines) async throws {
    try await run(world) { pair, server, address in
      let echo = try await Self.echo(of: "ping", from: pair.alice, to: address)
      let seen = try SocketAddress(try #require(echo))
      #expect(seen.ip == pair.aliceIP(.v4))
      // Who asks may leave open over what: it is told.
      for open in ["udp", "", "UDP"] {
        let (waiter, _) = try await visit(
          pair, server, address, Self.question("key", for: "\(seen.ip)", "udp", at: "\(seen)"), waiting: 1)
        let other = SocketAddress(seen.ip, port: 7777)
        let (asker, _) = try await visit(
          pair, server, address, Self.question("key", open, at: "\(other)"), waiting: 0)
        #expect(try await asker.answer() == Self.told("udp", seen))
        #expect(try await waiter.answer() == Self.told("udp", other))
        await waiter.go()
        await asker.go()
      }
      let (waiter, waits) = try await visit(
        pair, server, address, Self.question("key", for: "\(seen.ip)", "tcp"), waiting: 1)
      let (asker, asks) = try await visit(
        pair, server, address, Self.question("key", "", at: "\(seen)"), waiting: 0)
      #expect(try await asker.answer() == Self.told("tcp", waits))
      #expect(try await waiter.answer() == Self.told("tcp", asks))
      await waiter.go()
      await asker.go()
    }
  }

  /// What a server says to a datagram; nil when it says nothing for some time.
  private static func echo(of text: String, from machine: any Machine, to server: SocketAddress) async throws
    -> String?
  {
    try await machine.run {
      let socket = try machine.bindUDP(to: .any(.v4))
      defer { socket.close() }
      var outbox = DatagramOutbox()
      outbox.append(Array(text.utf8).span.bytes, to: server)
      socket.sendOrDrop(&outbox)
      return try await machine.suspend({ "an echo" }) { (wait: Wait<String?>) in
        socket.onDatagrams = { batch in
          batch.forEach {
            wait.succeed(String(decoding: $0.payload.withUnsafeBytes { Array($0) }, as: UTF8.self))
          }
        }
        let timer = machine.makeTimer { wait.succeed(nil) }
        timer.schedule(at: machine.now.advanced(by: .milliseconds(300)))
        wait.onEnd = { timer.cancel() }
      }
    }
  }

  @Test(
    "has an echo that answers one question, and so no victim's questions at length",
    arguments: TwoMachines.allCases)
  func echoes(world: TwoMachines) async throws {
    try await run(world) { pair, _, address in
      for text in ["", "pin", "ping\n", "PING", "p", String(repeating: "ping", count: 100)] {
        let answer = try await Self.echo(of: text, from: pair.alice, to: address)
        #expect(answer == nil, "\(text)")
      }
    }
  }

  @Test("frees a key as soon as who waits with it goes", arguments: TwoMachines.allCases)
  func leaves(world: TwoMachines) async throws {
    try await run(world) { pair, server, address in
      let offer = Self.question("key", for: "0.0.0.0")
      for _ in 0..<3 {
        let (first, _) = try await visit(pair, server, address, offer, waiting: 1)
        let (second, _) = try await visit(pair, server, address, offer, waiting: 1)
        #expect(try await second.answer()?.contains("somebody waits with this key already") == true)
        await second.go()
        await first.go()
        // What comes on another connection may be faster than the end of this one.
        try await pause(pair, until: server, has: 0)
        let (asker, _) = try await visit(pair, server, address, Self.question("key"), waiting: 0)
        #expect(try await asker.answer()?.contains("nobody waits") == true)
        await asker.go()
      }
    }
  }

  @Test("lets one wait for 30 s, says so, and lets another one wait then")
  func patience() async throws {
    try await run(.simulated) { pair, server, address in
      let wait = Self.question("key", for: "0.0.0.0")
      for _ in 0..<3 {
        let start = pair.alice.now
        let (visitor, _) = try await visit(pair, server, address, wait, waiting: 1)
        // What it says meanwhile is nobody's concern.
        try await pair.alice.sleep(for: .seconds(20))
        try await visitor.say("{\"uuid\":\"other\"} and so on")
        #expect(
          try await visitor.answer()
            == "{\"protocol\":\"\",\"error\":\"nobody has asked with this key in time\"}\n")
        let waited = start.duration(to: pair.alice.now)
        #expect(waited > .seconds(30) && waited < .seconds(31))
        #expect(await server.count == 0)
        await visitor.go()
      }
    }
  }

  @Test("gives a question 10 s to arrive")
  func slow() async throws {
    try await run(.simulated) { pair, server, address in
      let start = pair.alice.now
      let (visitor, _) = try await visit(pair, server, address, "{\"uuid\":", waiting: 0)
      await #expect(throws: NetworkError.self) { _ = try await visitor.answer() }
      let waited = start.duration(to: pair.alice.now)
      #expect(waited > .seconds(10) && waited < .seconds(11))
      await visitor.go()
    }
  }

  @Test("says what is wrong with a question", arguments: TwoMachines.allCases)
  func refuses(world: TwoMachines) async throws {
    try await run(world) { pair, server, address in
      let own = pair.aliceIP(.v4)
      let other = SocketAddress(IPAddress(198, 51, 100, 9), port: 9)
      for (text, part) in [
        ("GET / HTTP/1.1\r\n\r\n", "begins with a brace"), ("[]", "begins with a brace"), ("{]}", "not JSON"),
        ("{\"uuid\":1}", "\\\"uuid\\\" is something else"), ("{}", "at least one character"),
        (Self.question(""), "at least one character"),
        (Self.question("", for: "0.0.0.0"), "at least one character"),
        (Self.question(String(repeating: "k", count: 257)), "at most 256 bytes"),
        (Self.question("k", for: "example.org"), "is no IP address"),
        (Self.question("k", "sctp"), "udp or tcp"), (Self.question("k", "udp"), "no address and port"),
        (Self.question("k", "udp", at: "\(own)"), "no address and port"),
        (Self.question("k", "udp", at: "\(own):0"), "no address and port"),
        (Self.question("k", for: "0.0.0.0", "udp", at: "\(other)"), "is not this client's"),
        (Self.question("k", "", at: "\(other)"), "is not this client's"),
        ("{\"uuid\":\"" + String(repeating: "k", count: 5000), "at most 4096 bytes"),
      ] {
        let (visitor, _) = try await visit(pair, server, address, text, waiting: 0)
        let answer = try await visitor.answer() ?? ""
        #expect(
          answer.hasPrefix("{\"protocol\":\"\",\"error\":\"") && answer.contains(part),
          "\(text.prefix(100)): \(answer)")
        await visitor.go()
      }
    }
  }

  @Test("brings nobody together with one who comes from elsewhere, or by another way")
  func strangers() async throws {
    let world = World(seed: 6) {
      Server("registry")
      Server("alice")
      Server("bob")
      Server("mallory")
    }
    try await world.run { world in
      let server = PairingServer(on: world.machine("registry"))
      func machine(_ name: String) -> SimulatedMachine { world.machine(name) }
      for family in [IPAddress.Family.v4, .v6] {
        let address = try await server.start(
          at: SocketAddress(machine("registry").address(family), port: 1000))
        let alice = Visitor(on: machine("alice"))
        let own = try await alice.come(to: address)
        try await alice.say(Self.question("key", for: "\(machine("bob").address(family))"))
        try await machine("alice").sleep(for: .seconds(1))
        let mallory = Visitor(on: machine("mallory"))
        _ = try await mallory.come(to: address)
        try await mallory.say(Self.question("key"))
        #expect(try await mallory.answer()?.contains("nobody waits") == true)
        let wrong = Visitor(on: machine("bob"))
        let from = try await wrong.come(to: address)
        try await wrong.say(Self.question("key", "udp", at: "\(from)"))
        #expect(try await wrong.answer()?.contains("nobody waits") == true)
        let bob = Visitor(on: machine("bob"))
        let his = try await bob.come(to: address)
        try await bob.say(Self.question("key"))
        #expect(try await bob.answer() == Self.told("tcp", own))
        #expect(try await alice.answer() == Self.told("tcp", his))
        for visitor in [alice, mallory, wrong, bob] { await visitor.go() }
        await server.stop()
      }
    }
  }

  @Test("lets nobody try one key after the other, nor hold all the places")
  func greed() async throws {
    var configuration = PairingServer.Configuration()
    configuration.questionsPerSecond = 1
    configuration.burst = 20
    configuration.connectionsPerAddress = 4
    try await run(.simulated, configuration) { pair, server, address in
      var refused = 0
      for number in 0..<40 {
        let visitor = Visitor(on: pair.alice)
        _ = try await visitor.come(to: address)
        try await visitor.say(Self.question("\(number)"))
        if try await visitor.answer()?.contains("too many questions") == true { refused += 1 }
        await visitor.go()
      }
      #expect(refused >= 10)
      #expect(
        await server.metrics.contains {
          $0.labels == [.init("reason", "tooFast")] && Int($0.value) == refused
        })
      try await pair.alice.sleep(for: .seconds(20))
      var visitors: [Visitor] = []
      for number in 0..<6 {
        visitors.append(
          try await visit(
            pair, server, address, Self.question("\(number)", for: "0.0.0.0"), waiting: min(number + 1, 4)
          ).0)
      }
      await #expect(throws: NetworkError.self) { _ = try await visitors[0].answer() }
      for visitor in visitors { await visitor.go() }
    }
  }
}

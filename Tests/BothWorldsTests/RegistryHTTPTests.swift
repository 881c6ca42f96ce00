import Testing
import Warren
import WarrenSimulator

@Suite("A registry over HTTP")
struct RegistryHTTPTests {
  /// A registry of bob's, and where it is.
  private func run(
    _ world: TwoMachines, _ configuration: RegistryHTTPServer.Configuration = .init(),
    _ body:
      @escaping @Sendable (TwoMachines.Pair, Registry, RegistryHTTPServer, SocketAddress) async throws -> Void
  ) async throws {
    try await world.run { pair in
      var terms = Registry.Configuration()
      terms.permitsLoopback = world == .local
      terms.ownAddresses = [IPAddress(203, 0, 113, 200)]
      let registry = Registry(on: pair.bob, terms)
      let server = RegistryHTTPServer(of: registry, configuration)
      let address = try await server.start(at: SocketAddress(pair.bobIP(.v4), port: 0))
      try await body(pair, registry, server, address)
      await server.stop()
    }
  }

  private static func peer(_ id: String, _ addresses: String...) -> String {
    let candidates = addresses.map { "{\"ip\":\"\($0)\",\"port\":4433}" }.joined(separator: ",")
    return "{\"id\":\"\(id)\",\"candidates\":[\(candidates)]}"
  }

  private static func answered(_ id: String, _ addresses: String...) -> String {
    let candidates = addresses.map { "{\"ip\":\"\($0)\",\"port\":4433}" }.joined(separator: ",")
    return "{\"id\":\"\(id)\",\"candidates\":[\(candidates)]}"
  }

  @Test("tells who is where to those who ask for one, or for all", arguments: TwoMachines.allCases)
  func finds(world: TwoMachines) async throws {
    try await run(world) { pair, registry, _, server in
      let own = pair.aliceIP(.v4).description
      let client = try await HTTPConversation.begin(on: pair.alice, with: server)
      #expect(try await client.ask("GET", "/peers").body == "[]\n")
      let answer = try await client.ask("POST", "/register", Self.peer("zoë's", own, "192.168.1.2"))
      #expect(answer.status == 200)
      #expect(answer.body == "{\"status\":\"registered\"}\n")
      #expect(answer.fields["content-type"] == "application/json")
      for target in ["/peer?id=zo%C3%AB%27s", "/peer?id=zoë's", "http://registry/peer?x=y&id=ZO%c3%ab's"] {
        let found = try await client.ask("GET", target)
        #expect(
          found.status == 200 && found.body == Self.answered("zoë's", own, "192.168.1.2") + "\n", "\(target)")
      }
      // Who waits with a key is seen too, by its name or by the key alone.
      var random = pair.alice.random
      let keys = (0..<2).map { _ in PrivateKey(using: &random).peerID }
      let relay = try SocketAddress("198.51.100.7:4433")
      try await registry.register(
        Registration(of: .key(keys[0]), named: RegistryName("key"), consent: .everyone, at: [relay]))
      try await registry.register(Registration(of: .key(keys[1]), consent: .everyone, at: [relay]))
      #expect(try await client.ask("GET", "/peer?id=key").body == Self.answered("key", "198.51.100.7") + "\n")
      let byKey = try await client.ask("GET", "/peer?id=\(keys[0])").body
      #expect(byKey == Self.answered("key", "198.51.100.7") + "\n")
      let all = try await client.ask("GET", "/peers")
      #expect(
        all.body
          == "[\(Self.answered("zoë's", own, "192.168.1.2")),\(Self.answered("key", "198.51.100.7")),\(Self.answered("\(keys[1])", "198.51.100.7"))]\n"
      )
      #expect(all.fields["link"] == nil)
      let head = try await client.ask("HEAD", "/peers")
      #expect(head.status == 200 && head.fields["content-length"] == all.fields["content-length"])
      #expect(try await client.ask("GET", "/healthz").body == "{\"status\":\"ok\"}\n")
      client.close()
    }
  }

  @Test("says what is wrong with a request, and goes on", arguments: TwoMachines.allCases)
  func refuses(world: TwoMachines) async throws {
    try await run(world) { pair, _, _, server in
      let client = try await HTTPConversation.begin(on: pair.alice, with: server)
      func expect(_ status: Int, _ method: String, _ target: String, _ body: String? = nil) async throws {
        let answer = try await client.ask(method, target, body)
        #expect(answer.status == status, "\(method) \(target) \(body ?? "")")
        #expect(answer.body.hasPrefix("{\"error\":\"") && answer.body.hasSuffix("\"}\n"), "\(answer.body)")
      }
      try await expect(404, "GET", "/")
      try await expect(404, "GET", "/peer/")
      try await expect(404, "GET", "/peer?id=nobody")
      try await expect(400, "GET", "/peer")
      try await expect(400, "GET", "/peer?id=")
      try await expect(400, "GET", "/peer?id=%20")
      try await expect(400, "GET", "/peers?from=x")
      try await expect(400, "GET", "/peers?from=-1")
      try await expect(411, "POST", "/register")
      let own = pair.aliceIP(.v4).description
      let bad = [
        "", "[]", "{}", "null", "{\"id\":1}", Self.peer("", own), Self.peer(" a", own),
        Self.peer("a\\u0000", own),
        Self.peer(String(repeating: "a", count: 65), own), Self.peer("a", "x"), Self.peer("a", "1.2.3"),
        Self.peer("a", "224.0.0.1"), Self.peer("a", "ff02::1"), Self.peer("a", "0.0.0.0"),
        Self.peer("a", "::"),
        Self.peer("a", "203.0.113.200"), Self.peer("a", "::ffff:203.0.113.200"),
        Self.peer("a", "255.255.255.255"),
        "{\"id\":\"a\",\"candidates\":[{\"ip\":\"\(own)\",\"port\":0}]}",
        "{\"id\":\"a\",\"candidates\":[{\"ip\":\"\(own)\",\"port\":65536}]}",
        "{\"id\":\"a\",\"candidates\":[{\"ip\":\"\(own)\",\"port\":-1}]}",
        "{\"id\":\"a\",\"candidates\":[{\"ip\":\"\(own)\",\"port\":1.5}]}",
      ]
      for body in bad { try await expect(400, "POST", "/register", body) }
      if world == .simulated { try await expect(400, "POST", "/register", Self.peer("a", "127.0.0.1")) }
      let seventeen = String(repeating: "{\"ip\":\"\(own)\",\"port\":1},", count: 17).dropLast()
      try await expect(400, "POST", "/register", "{\"id\":\"a\",\"candidates\":[\(seventeen)]}")
      var random = pair.alice.random
      try await expect(400, "POST", "/register", Self.peer("\(PrivateKey(using: &random).peerID)", own))

      for (method, target, allowed) in [
        ("GET", "/register", "POST"), ("PUT", "/register", "POST"), ("POST", "/peer?id=a", "GET, HEAD"),
        ("DELETE", "/peers", "GET, HEAD"), ("OPTIONS", "/metrics", "GET, HEAD"),
      ] {
        let answer = try await client.ask(method, target)
        #expect(answer.status == 405 && answer.fields["allow"] == allowed, "\(method) \(target)")
      }
      #expect(try await client.ask("GET", "/peers").body == "[]\n")
      // A list of nothing is one, and whoever writes it as null means it.
      #expect(try await client.ask("POST", "/register", "{\"id\":\"a\",\"candidates\":null}").status == 200)
      #expect(try await client.ask("GET", "/peer?id=a").body == Self.answered("a") + "\n")
      client.close()
    }
  }

  @Test(
    "sends nobody to a stranger's address because of one who proves nothing", arguments: TwoMachines.allCases)
  func victims(world: TwoMachines) async throws {
    try await run(world) { pair, _, _, server in
      let own = pair.aliceIP(.v4).description
      let client = try await HTTPConversation.begin(on: pair.alice, with: server)
      let answer = try await client.ask(
        "POST", "/register",
        Self.peer("a", "198.51.100.9", own, "10.1.2.3", "2001:db8::9", "100.64.0.1", "fd00::1"))
      #expect(
        answer.body
          == "{\"status\":\"registered\",\"ignored\":[\"198.51.100.9:4433\",\"[2001:db8::9]:4433\"]}\n")
      let found = try await client.ask("GET", "/peer?id=a").body
      #expect(found == Self.answered("a", own, "10.1.2.3", "100.64.0.1", "fd00::1") + "\n")
      let refused = try await client.ask("POST", "/register", Self.peer("b", "198.51.100.9"))
      #expect(refused.status == 400 && refused.body.contains(own))
      let victims = Array(repeating: "{\"ip\":\"198.51.100.9\",\"port\":1}", count: 20_000).joined(
        separator: ",")
      try await client.say(
        HTTPConversation.request("POST", "/register", "").replacing(
          "th: 0", with: "th: \(victims.utf8.count)"))
      #expect(try await client.answer().status == 413)
      client.close()
    }
  }

  @Test("keeps an id for the address that has it, for as long as it is renewed")
  func ownership() async throws {
    let world = World(seed: 4) {
      Server("registry")
      Server("alice")
      Server("mallory")
    }
    try await world.run { world in
      let (alice, mallory) = (world.machine("alice"), world.machine("mallory"))
      let registry = Registry(on: world.machine("registry"))
      let server = RegistryHTTPServer(of: registry)
      let address = try await server.start(
        at: SocketAddress(world.machine("registry").address(.v4), port: 80))
      func register(_ id: String, on machine: SimulatedMachine) async throws -> Int {
        let client = try await HTTPConversation.begin(on: machine, with: address)
        defer { client.close() }
        return try await client.ask("POST", "/register", Self.peer(id, machine.address(.v4).description))
          .status
      }
      // Several programs of one house, and a program of another's.
      for id in ["a", "b", "c"] { #expect(try await register(id, on: alice) == 200) }
      #expect(try await register("d", on: mallory) == 200)
      for _ in 0..<10 {
        try await world.machine("alice").sleep(for: .seconds(15))
        #expect(try await register("a", on: alice) == 200)
        #expect(try await register("A", on: mallory) == 409)
      }
      #expect(await registry.count == 1)
      // Who has no key may have another address tomorrow: what is not renewed is free.
      #expect(try await register("b", on: mallory) == 200)
      try await world.machine("alice").sleep(for: .seconds(31))
      #expect(try await register("a", on: mallory) == 200)
      // A name that somebody has proved is not.
      var random = alice.random
      try await registry.register(
        Registration(of: .key(PrivateKey(using: &random).peerID), named: RegistryName("k")))
      try await world.machine("alice").sleep(for: .seconds(60))
      #expect(try await register("k", on: mallory) == 409)
      await server.stop()
    }
  }

  @Test("answers in order what is asked without waiting, and byte by byte", arguments: TwoMachines.allCases)
  func pipelining(world: TwoMachines) async throws {
    try await run(world) { pair, _, _, server in
      let own = pair.aliceIP(.v4).description
      let client = try await HTTPConversation.begin(on: pair.alice, with: server)
      let requests =
        HTTPConversation.request("POST", "/register", Self.peer("a", own))
        + HTTPConversation.request("GET", "/peer?id=a")
        + HTTPConversation.request("HEAD", "/peer?id=a") + HTTPConversation.request("GET", "/peer?id=b")
        + HTTPConversation.request("POST", "/register", "{") + HTTPConversation.request("GET", "/peers")
      for whole in [true, false] {
        if whole {
          try await client.say(requests)
        } else {
          for byte in requests.utf8 { try await client.say([byte]) }
        }
        var answers: [Int] = []
        for method in ["POST", "GET", "HEAD", "GET", "POST", "GET"] {
          answers.append(try await client.answer(to: method).status)
        }
        #expect(answers == [200, 200, 200, 404, 400, 200])
      }
      try await client.say("GET /peers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + requests)
      let last = try await client.answer()
      #expect(last.status == 200 && last.fields["connection"] == "close")
      #expect(await client.hasEnded())
      client.close()

      let old = try await HTTPConversation.begin(on: pair.alice, with: server)
      try await old.say("GET /healthz HTTP/1.0\r\n\r\n")
      #expect(try await old.answer().status == 200)
      #expect(await old.hasEnded())
      old.close()
    }
  }

  @Test("says why it hangs up on what is no HTTP", arguments: TwoMachines.allCases)
  func malformed(world: TwoMachines) async throws {
    try await run(world) { pair, _, _, server in
      let client = try await HTTPConversation.begin(on: pair.alice, with: server)
      try await client.say(
        HTTPConversation.request("GET", "/peers") + "GET /peers HTTP/1.1\r\nHost : a\r\n\r\n")
      #expect(try await client.answer().status == 200)
      let answer = try await client.answer()
      #expect(answer.status == 400 && answer.fields["connection"] == "close")
      #expect(answer.body.hasPrefix("{\"error\":"))
      #expect(await client.hasEnded())
      client.close()
    }
  }

  @Test("refuses a body of 100 MB before it comes, and holds none of it", arguments: TwoMachines.allCases)
  func largeBody(world: TwoMachines) async throws {
    try await run(world) { pair, _, server, address in
      for expects in [true, false] {
        let client = try await HTTPConversation.begin(on: pair.alice, with: address)
        let expectation = expects ? "Expect: 100-continue\r\n" : ""
        try await client.say(
          "POST /register HTTP/1.1\r\nHost: a\r\n\(expectation)Content-Length: 100000000\r\n\r\n")
        let answer = try await client.answer()
        #expect(answer.status == 413 && answer.fields["connection"] == "close")
        // Whoever sends it all the same finds nobody there.
        let chunk = [UInt8](repeating: 0, count: 65_536)
        await #expect(throws: NetworkError.self) {
          for _ in 0..<1526 { try await client.say(chunk) }
        }
        client.close()
      }
      // And one whose body is just small enough is told to go on.
      let client = try await HTTPConversation.begin(on: pair.alice, with: address)
      let body = Self.peer("a", pair.aliceIP(.v4).description)
      try await client.say(
        "POST /register HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
      )
      #expect(try await client.answer().status == 100)
      try await client.say(body)
      #expect(try await client.answer().status == 200)
      client.close()
    }
  }

  @Test("gives a request 10 s to arrive, however slowly it does, and waits for none while it is served")
  func slow() async throws {
    try await run(.simulated) { pair, _, server, address in
      let machine = pair.alice
      let slow = try await HTTPConversation.begin(on: machine, with: address)
      let start = machine.now
      let trickle = machine.spawn("trickle") {
        let text = HTTPConversation.request("POST", "/register", Self.peer("a", "10.0.0.1"))
        for byte in text.utf8 {
          try await slow.say([byte])
          try await machine.sleep(for: .seconds(1))
        }
      }
      let silent = try await HTTPConversation.begin(on: machine, with: address)
      let quick = try await HTTPConversation.begin(on: machine, with: address)
      for _ in 0..<9 {
        let asked = machine.now
        #expect(try await quick.ask("GET", "/peers").status == 200)
        #expect(asked.duration(to: machine.now) < .milliseconds(200))
        try await machine.sleep(for: .seconds(1))
      }
      let answer = try await slow.answer()
      #expect(answer.status == 408 && answer.fields["connection"] == "close")
      let waited = start.duration(to: machine.now)
      #expect(waited > .seconds(10) && waited < .seconds(10.5), "\(waited)")
      #expect(await silent.hasEnded(), "who never asks has no more time")
      #expect(start.duration(to: machine.now) < .seconds(11))
      _ = try? await trickle.value
      // Who has asked may think about its next question for longer, and not for ever.
      let idle = machine.now
      #expect(await quick.hasEnded())
      let patience = idle.duration(to: machine.now)
      #expect(patience > .seconds(20) && patience < HTTPLimits.idlePatience + .seconds(1), "\(patience)")
      for client in [slow, silent, quick] { client.close() }
      try await machine.sleep(for: .seconds(2))
      #expect(await server.metrics.contains { $0.name == "warren_http_connections" && $0.value == 0 })
    }
  }

  @Test("does not wait for ever for who does not take its answer")
  func deafness() async throws {
    var configuration = RegistryHTTPServer.Configuration()
    configuration.burst = 1e6
    try await run(.simulated, configuration) { pair, registry, server, address in
      for number in 0..<200 {
        let name = try RegistryName("a peer with a long name, so that it takes more, number \(number)")
        let own = SocketAddress(pair.aliceIP(.v4), port: 1)
        try await registry.register(
          Registration(of: .address(own.ip, name), named: name, at: Array(repeating: own, count: 16)))
      }
      let client = try await HTTPConversation.begin(on: pair.alice, with: address)
      for _ in 0..<50 { try await client.say(HTTPConversation.request("GET", "/peers")) }
      try await pair.alice.sleep(for: HTTPLimits.requestPatience + .seconds(5))
      #expect(await server.metrics.contains { $0.name == "warren_http_connections" && $0.value == 0 })
      client.close()
    }
  }

  @Test("serves one while another floods it with connections and requests")
  func flood() async throws {
    let world = World(seed: 5) {
      Server("registry")
      Server("alice")
      Server("mallory")
    }
    try await world.run { world in
      let (alice, mallory) = (world.machine("alice"), world.machine("mallory"))
      let server = RegistryHTTPServer(of: Registry(on: world.machine("registry")))
      let address = try await server.start(
        at: SocketAddress(world.machine("registry").address(.v4), port: 80))
      let client = try await HTTPConversation.begin(on: alice, with: address)
      let refused = Counter()
      for number in 0..<100 {
        mallory.spawn("flood \(number)") {
          let end = mallory.now.advanced(by: .seconds(20))
          while mallory.now < end {
            do {
              let flood = try await HTTPConversation.begin(on: mallory, with: address)
              defer { flood.close() }
              while mallory.now < end {
                if try await flood.ask("GET", "/peers").status == 429 { refused.count += 1 }
              }
            } catch { try await mallory.sleep(for: .milliseconds(100)) }
          }
        }
      }
      for _ in 0..<20 {
        let asked = alice.now
        #expect(
          try await client.ask("POST", "/register", Self.peer("a", alice.address(.v4).description)).status
            == 200)
        #expect(asked.duration(to: alice.now) < .milliseconds(500))
        try await alice.sleep(for: .seconds(1))
      }
      #expect(refused.count > 20)
      let metrics = await server.metrics
      #expect(
        metrics.contains {
          $0.name == "warren_http_connections" && Int($0.value) <= HTTPLimits.connectionsPerAddress + 1
        })
      let taken = metrics.first {
        $0.labels.contains(.init("path", "/peers")) && $0.labels.contains(.init("code", "200"))
      }
      let most = HTTPLimits.burst + HTTPLimits.requestsPerSecond * 21
      #expect(try #require(taken).value <= most)
      client.close()
      try await alice.sleep(for: .seconds(30))
      await server.stop()
    }
  }

  private final class Counter: @unchecked Sendable {
    // Used on one machine's executor alone.
    var count = 0
  }

  @Test("says to who asks too often when to ask again", arguments: TwoMachines.allCases)
  func rates(world: TwoMachines) async throws {
    var configuration = RegistryHTTPServer.Configuration()
    configuration.requestsPerSecond = 0.5
    configuration.burst = 3
    try await run(world, configuration) { pair, _, _, server in
      let client = try await HTTPConversation.begin(on: pair.alice, with: server)
      for _ in 0..<3 { #expect(try await client.ask("GET", "/healthz").status == 200) }
      let refused = try await client.ask("GET", "/healthz")
      #expect(refused.status == 429 && refused.fields["retry-after"] == "2")
      #expect(await client.hasEnded())
      client.close()
      try await pair.alice.sleep(for: .seconds(2))
      let again = try await HTTPConversation.begin(on: pair.alice, with: server)
      #expect(try await again.ask("GET", "/healthz").status == 200)
      again.close()
    }
  }

  @Test(
    "has no more connections than it can have, and the idlest makes room", arguments: TwoMachines.allCases)
  func crowd(world: TwoMachines) async throws {
    var configuration = RegistryHTTPServer.Configuration()
    configuration.connections = 6
    configuration.connectionsPerAddress = 4
    try await run(world, configuration) { pair, _, server, address in
      var clients: [HTTPConversation] = []
      for _ in 0..<4 {
        clients.append(try await HTTPConversation.begin(on: pair.alice, with: address))
        #expect(try await clients.last!.ask("GET", "/healthz").status == 200)
      }
      #expect(try await clients[0].ask("GET", "/healthz").status == 200)
      clients.append(try await HTTPConversation.begin(on: pair.alice, with: address))
      #expect(try await clients[4].ask("GET", "/healthz").status == 200)
      #expect(await clients[1].hasEnded(), "the others have asked since")
      for place in [0, 2, 3, 4] { #expect(try await clients[place].ask("GET", "/healthz").status == 200) }
      #expect(await server.metrics.contains { $0.name == "warren_http_connections" && $0.value == 4 })
      #expect(
        await server.metrics.contains {
          $0.name == "warren_http_connections_displaced_total" && $0.value == 1
        })
      for client in clients { client.close() }
    }
  }

  @Test("tells nobody where a peer is that wants to be asked first", arguments: TwoMachines.allCases)
  func consent(world: TwoMachines) async throws {
    try await run(world) { pair, registry, _, server in
      var random = pair.alice.random
      let friend = PrivateKey(using: &random).peerID
      let consents: [(String, Consent)] = [
        ("open", .everyone), ("asks", .ask), ("closed", .nobody), ("picky", .only([friend])),
      ]
      let place = SocketAddress(pair.aliceIP(.v4), port: 4433)
      for (name, consent) in consents {
        let owner = RegistryOwner.key(PrivateKey(using: &random).peerID)
        try await registry.register(
          Registration(of: owner, named: RegistryName(name), consent: consent, at: [place]))
      }
      let client = try await HTTPConversation.begin(on: pair.alice, with: server)
      for (name, _) in consents {
        let body = try await client.ask("GET", "/peer?id=\(name)").body
        #expect(body.contains("4433") == (name == "open") && body.contains(name), "\(body)")
      }
      let list = try await client.ask("GET", "/peers").body
      #expect(list.split(separator: "4433").count == 2 && list.contains("picky"), "\(list)")
      client.close()
    }
  }

  @Test("tells how it is doing", arguments: TwoMachines.allCases)
  func metrics(world: TwoMachines) async throws {
    var configuration = RegistryHTTPServer.Configuration()
    configuration.metrics = { [Metric(.counter, "others_total", "Of others.", count: 7)] }
    try await run(world, configuration) { pair, registry, _, server in
      let own = pair.aliceIP(.v4).description
      let client = try await HTTPConversation.begin(on: pair.alice, with: server)
      for id in ["a", "b", "a"] { _ = try await client.ask("POST", "/register", Self.peer(id, own)) }
      _ = try await client.ask("POST", "/register", Self.peer("c", "198.51.100.9"))
      _ = try await client.ask("POST", "/register", "{}")
      var random = pair.alice.random
      let key = PrivateKey(using: &random).peerID
      try await registry.register(Registration(of: .key(key), named: RegistryName("k")))
      try await registry.renew(.key(key))
      await registry.withdraw(.key(key))
      _ = try await client.ask("POST", "/register", Self.peer("k", own))
      for target in ["/peer?id=a", "/peer?id=x", "/peers", "/x", "/y"] {
        _ = try await client.ask("GET", target)
      }
      let answer = try await client.ask("GET", "/metrics")
      #expect(answer.fields["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
      let lines = answer.body.split(separator: "\n")
      for line in [
        "# TYPE warren_registry_peers gauge", "warren_registry_peers 2",
        "warren_registry_registrations_total 4",
        "warren_registry_renewals_total 1", "warren_registry_withdrawals_total 1",
        "warren_registry_lists_total 1",
        "warren_registry_lookups_total{result=\"found\"} 1",
        "warren_registry_lookups_total{result=\"not_found\"} 1",
        "warren_registry_refusals_total{reason=\"nameTaken\"} 1",
        "warren_http_requests_total{path=\"/register\",code=\"200\"} 3",
        "warren_http_requests_total{path=\"/register\",code=\"400\"} 2",
        "warren_http_requests_total{path=\"/register\",code=\"409\"} 1",
        "warren_http_requests_total{path=\"/peer\",code=\"404\"} 1",
        "warren_http_requests_total{path=\"other\",code=\"404\"} 2", "warren_http_connections 1",
        "warren_http_connections_total 1", "others_total 7",
      ] {
        #expect(lines.contains { $0 == line }, "\(line) in \(answer.body)")
      }
      #expect(lines.count { $0.hasPrefix("# TYPE warren_http_requests_total") } == 1)
      client.close()
    }
  }

  @Test("lists so many, and says where to go on")
  func pages() async throws {
    try await run(.simulated) { pair, registry, _, server in
      let own = pair.aliceIP(.v4)
      for number in 0..<1200 {
        let name = try RegistryName("\(number)")
        try await registry.register(
          Registration(of: .address(own, name), named: name, isListed: number % 7 != 0))
      }
      let client = try await HTTPConversation.begin(on: pair.alice, with: server)
      var target: String? = "/peers"
      var (pages, ids) = (0, 0)
      while let next = target {
        let answer = try await client.ask("GET", next)
        pages += 1
        ids += answer.body.components(of: "\"id\":")
        target = answer.fields["link"].map { String($0.split(separator: ">")[0].dropFirst()) }
      }
      #expect(ids == 1200 - 172 && pages == 3)
      client.close()
    }
  }

  @Test("is reached over IPv4 and IPv6, and stops at both", arguments: TwoMachines.allCases)
  func families(world: TwoMachines) async throws {
    try await run(world) { pair, _, server, first in
      let second = try await server.start(at: SocketAddress(pair.bobIP(.v6), port: 0))
      for (address, family) in [(first, IPAddress.Family.v4), (second, .v6)] {
        let client = try await HTTPConversation.begin(on: pair.alice, with: address)
        let own = pair.aliceIP(family).description
        #expect(try await client.ask("POST", "/register", Self.peer("\(family)", own)).status == 200)
        #expect(
          try await client.ask("GET", "/peer?id=\(family)").body == Self.answered("\(family)", own) + "\n")
        client.close()
      }
      await server.stop()
      for address in [first, second] {
        await #expect(throws: NetworkError.self) {
          _ = try await HTTPConversation.begin(on: pair.alice, with: address)
        }
      }
    }
  }

  @Test("stops when it is told to, and begins again", arguments: TwoMachines.allCases)
  func stops(world: TwoMachines) async throws {
    try await run(world) { pair, _, server, address in
      let client = try await HTTPConversation.begin(on: pair.alice, with: address)
      #expect(try await client.ask("GET", "/healthz").status == 200)
      await server.stop()
      #expect(await client.hasEnded())
      client.close()
      await #expect(throws: NetworkError.self) {
        _ = try await HTTPConversation.begin(on: pair.alice, with: address)
      }
      try await server.start(at: address)
      let again = try await HTTPConversation.begin(on: pair.alice, with: address)
      #expect(try await again.ask("GET", "/healthz").status == 200)
      again.close()
    }
  }
}

extension String {
  fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}

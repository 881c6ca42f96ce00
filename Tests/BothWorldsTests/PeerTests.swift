import Testing

@testable import Warren

@Suite("A peer")
struct PeerTests {
  private func refusal(_ body: () async throws -> Void) async -> PeerError.Code? {
    do {
      try await body()
      return nil
    } catch {
      return (error as? PeerError)?.code
    }
  }

  @Test(
    "connects by name and by key, and has one connection with each other", arguments: TwoMachines.allCases)
  func names(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice")
      let bob = try await scene.peer("Bob", on: scene.machines.bob)
      let first = try await alice.connect(to: "bob")
      let theirs = try await bob.nextConnection()
      #expect(first.peer == bob.id && theirs.peer == alice.id)
      try await scene.talk(first, theirs)
      #expect(await alice.counters.dialled == 1)
      for _ in 0..<2 {
        #expect(try await alice.connect(to: "Bob") === first)
        #expect(try await alice.connect(to: bob.id) === first)
        #expect(try await bob.connect(to: alice.id) === theirs)
        // Bob has not met her by this name.
        #expect(try await bob.connect(to: "ALICE") === theirs)
      }
      #expect(await alice.connectedPeers == [bob.id])
      #expect(await bob.connectedPeers == [alice.id])
      await alice.close()
      #expect(try await theirs.closed().isRemote)
      await bob.close()
    }
  }

  @Test(
    "has the connection that there is, by whatever it asks, where each is asked about",
    arguments: TwoMachines.allCases)
  func otherWords(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice") { $0.policy = .ask }
      let bob = try await scene.peer("Bob", on: scene.machines.bob) { $0.policy = .ask }
      let asking = scene.machines.alice.spawn("by key") { try await alice.connect(to: bob.id) }
      let request = try await bob.nextRequest()
      // The same again in other words, while bob thinks.
      let again = scene.machines.alice.spawn("by name") { try await alice.connect(to: "Bob") }
      while await bob.questions.values.first?.older.isEmpty ?? false {
        try await alice.machine.sleep(for: .milliseconds(1))
      }
      let theirs = try await request.accept()
      let connection = try await asking.value
      #expect(try await again.value === connection)
      #expect(try await bob.connect(to: "alice") === theirs)
      try await scene.talk(connection, theirs)
      #expect(await alice.connectedPeers == [bob.id])
      await alice.close()
      await bob.close()
    }
  }

  @Test("calls on where somebody else answers at one of the addresses", arguments: TwoMachines.allCases)
  func strangers(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice") { $0.registry = nil }
      let carol = try await scene.peer("Carol") { $0.registry = nil }
      let bob = try await scene.peer("Bob", on: scene.machines.bob) { $0.registry = nil }
      let strange = await scene.addresses(of: carol, isBob: false)
      let right = await scene.addresses(of: bob, isBob: true)
      #expect(
        await refusal { _ = try await alice.connect(to: bob.id, at: strange) } == .wrongPeer(carol.id))
      let connection = try await alice.connect(to: bob.id, at: strange + right)
      try await scene.talk(connection, try await bob.nextConnection())
      #expect(connection.peer == bob.id && !strange.isEmpty)
      for peer in [alice, bob, carol] { await peer.close() }
    }
  }

  @Test("connects with addresses that it is told, without a registry", arguments: TwoMachines.allCases)
  func byHand(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice") { $0.registry = nil }
      let bob = try await scene.peer("Bob", on: scene.machines.bob) { $0.registry = nil }
      let addresses = await scene.addresses(of: bob, isBob: true)
      #expect(await refusal { _ = try await alice.connect(to: bob.id) } == .noRegistry)
      let nowhere = SocketAddress(addresses[0].ip, port: 1)
      let never = [
        SocketAddress(addresses[0].ip, port: 0), SocketAddress(IPAddress(224, 0, 0, 1), port: 9),
        SocketAddress(.any(.v4), port: 9),
      ]
      let connection = try await alice.connect(to: bob.id, at: never + [nowhere] + addresses)
      try await scene.talk(connection, try await bob.nextConnection())
      // Who answers must be who was meant.
      let other = try await scene.peer("Carol", on: scene.machines.bob) { $0.registry = nil }
      let elsewhere = await scene.addresses(of: other, isBob: true)
      await connection.close()
      while await !alice.connectedPeers.isEmpty { try await alice.machine.sleep(for: .milliseconds(1)) }
      let stranger = try await scene.peer("Dave") { $0.registry = nil }
      #expect(
        await refusal { _ = try await stranger.connect(to: bob.id, at: elsewhere) } == .wrongPeer(other.id))
      for peer in [alice, bob, other, stranger] { await peer.close() }
    }
  }

  @Test(
    "connects with whoever knows the same secret, whatever it thinks of others",
    arguments: TwoMachines.allCases)
  func secrets(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice") { $0.policy = .nobody }
      let bob = try await scene.peer("Bob", on: scene.machines.bob) { $0.policy = .nobody }
      #expect(await refusal { _ = try await alice.connect(withKey: "open sesame") } == .notFound)
      let waiting = scene.machines.bob.spawn("bob waits") { try await bob.wait(forKey: "open sesame") }
      while await scene.server.waitingCount == 0 { try await alice.machine.sleep(for: .milliseconds(1)) }
      #expect(await refusal { _ = try await alice.wait(forKey: "open sesame") } == .registry(.keyInUse))
      let connection = try await alice.connect(withKey: "open sesame")
      #expect(connection.peer == bob.id)
      try await scene.talk(connection, try await waiting.value)
      for key in ["", String(repeating: "k", count: 257), String(repeating: "k", count: 100_000)] {
        #expect(await refusal { _ = try await alice.connect(withKey: key) } == .registry(.badKey))
        #expect(await refusal { _ = try await alice.wait(forKey: key) } == .registry(.badKey))
      }
      // Those who are connected get the connection that they have.
      let again = scene.machines.bob.spawn("bob waits again") { try await bob.wait(forKey: "again") }
      while await scene.server.waitingCount == 0 { try await alice.machine.sleep(for: .milliseconds(1)) }
      #expect(try await alice.connect(withKey: "again") === connection)
      #expect(try await again.value.peer == alice.id)
      await alice.close()
      await bob.close()
    }
  }

  @Test("says why it cannot connect", arguments: TwoMachines.allCases)
  func refusals(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice")
      var random = alice.machine.random
      let nobody = PrivateKey(using: &random).peerID
      #expect(await refusal { _ = try await alice.connect(to: "nobody") } == .notFound)
      #expect(await refusal { _ = try await alice.connect(to: nobody) } == .notFound)
      #expect(await refusal { _ = try await alice.connect(to: alice.id) } == .notFound)
      #expect(await refusal { _ = try await alice.connect(to: "Alice") } == .registry(.badMessage))
      for name in ["", " x", "a\nb", String(repeating: "x", count: 65)] {
        #expect(await refusal { _ = try await alice.connect(to: name) } == .registry(.badName))
      }
      #expect(throws: RegistryError.self) {
        var configuration = Peer.Configuration()
        configuration.name = "a\u{0}b"
        _ = try Peer(configuration, on: alice.machine)
      }
      let early = try Peer(on: alice.machine)
      #expect(await refusal { _ = try await early.connect(to: nobody) } == .closed)
      await early.close()
      #expect(await refusal { try await early.start() } == .closed)
      // Who is registered and has gone without a word is not there.
      let lost = try await RegistryVisitor(on: scene.machines.bob, of: scene.address)
      _ = try await lost.ask(.register(Announcement(named: RegistryName("lost"), consent: .everyone)))
      await lost.close()
      while await scene.server.sessionCount > 1 { try await alice.machine.sleep(for: .milliseconds(1)) }
      #expect(await refusal { _ = try await alice.connect(to: "lost") } == .notReachable)
      await alice.close()
      await alice.close()
      #expect(await refusal { _ = try await alice.connect(to: nobody) } == .closed)
      #expect(await refusal { _ = try await alice.connect(to: "nobody") } == .closed)
    }
  }

  @Test("has one connection for all who want it at once", arguments: TwoMachines.allCases)
  func crowd(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice")
      let bob = try await scene.peer("Bob", on: scene.machines.bob)
      let tasks = (0..<20).map { number in
        scene.machines.alice.spawn("connecting \(number)") {
          number % 2 == 0 ? try await alice.connect(to: bob.id) : try await alice.connect(to: "Bob")
        }
      }
      var connections: [Connection] = []
      for task in tasks { connections.append(try await task.value) }
      #expect(connections.allSatisfy { $0 === connections[0] })
      try await scene.talk(connections[0], try await bob.nextConnection())
      #expect(await bob.connectedPeers == [alice.id])
      await alice.close()
      await bob.close()
    }
  }

  @Test("and another that dial each other at once have one connection", arguments: TwoMachines.allCases)
  func crossing(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      for number in 0..<5 {
        let alice = try await scene.peer("Alice \(number)")
        let bob = try await scene.peer("Bob \(number)", on: scene.machines.bob) { $0.policy = .ask }
        let other = scene.machines.bob.spawn("bob connects") { try await bob.connect(to: alice.id) }
        let one = try await alice.connect(to: bob.id)
        try await scene.talk(one, try await other.value)
        #expect(await alice.connectedPeers == [bob.id])
        #expect(await bob.connectedPeers == [alice.id])
        #expect(await alice.connection(with: bob.id) === one)
        // Nobody is taken for one who is dialled any more.
        #expect(await !alice.isDialling(bob.id))
        #expect(await !bob.isDialling(alice.id))
        await alice.close()
        await bob.close()
      }
    }
  }

  @Test("is asked, and its answer and its reason reach who wants to connect", arguments: TwoMachines.allCases)
  func asks(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice")
      let bob = try await scene.peer("Bob", on: scene.machines.bob) { $0.policy = .ask }
      let answering = scene.machines.bob.spawn("bob answers") {
        let first = try await bob.nextRequest()
        #expect(first.peer == alice.id && first.name?.text == "Alice")
        await first.deny(reason: "not today")
        let second = try await bob.nextRequest()
        let connection = try await second.accept()
        // An answer is given once.
        #expect(await refusal { _ = try await second.accept() } == .notReachable)
        #expect(await refusal { _ = try await first.accept() } == .notReachable)
        await second.deny()
        return connection
      }
      do {
        _ = try await alice.connect(to: "Bob")
        Issue.record("she was let in")
      } catch let error as PeerError {
        #expect(error.code == .denied && error.reason == "not today")
      }
      let connection = try await alice.connect(to: "Bob")
      try await scene.talk(connection, try await answering.value)
      await alice.close()
      await bob.close()
    }
  }

  @Test("lets in whom it wants, where nobody else introduces them", arguments: TwoMachines.allCases)
  func policies(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice") { $0.registry = nil }
      let id = alice.id
      let policies: [(Peer.Policy, isWelcome: Bool)] = [
        (.everyone, true), (.nobody, false), (.only([id]), true), (.only([]), false),
        (.decide { peer, name in peer == id && name == nil }, true), (.decide { _, _ in false }, false),
        (.ask, true), (.ask, false),
      ]
      for (number, (policy, isWelcome)) in policies.enumerated() {
        let bob = try await scene.peer("Bob", on: scene.machines.bob) {
          $0.registry = nil
          $0.policy = policy
        }
        if case .ask = policy {
          scene.machines.bob.spawn("bob answers") {
            let request = try await bob.nextRequest()
            #expect(request.peer == id && request.name == nil)
            if isWelcome { try await request.accept() } else { await request.deny(reason: "not today") }
          }
        }
        let addresses = await scene.addresses(of: bob, isBob: true)
        do {
          let connection = try await alice.connect(to: bob.id, at: addresses)
          if isWelcome {
            while await bob.connectedPeers.isEmpty { try await bob.machine.sleep(for: .milliseconds(1)) }
            try await scene.talk(connection, try #require(await bob.connection(with: id)))
          } else {
            // A connection that is there already is the one that ends.
            let error = try await connection.closed()
            #expect(PeerError(error).code == .denied, "\(number): \(error)")
            if case .ask = policy { #expect(error.reason == "not today") }
          }
        } catch let error as PeerError {
          #expect(!isWelcome && error.code == .denied, "\(number): \(error)")
        }
        #expect(await bob.counters.accepted == (isWelcome ? 1 : 0), "\(number)")
        await bob.close()
        while await !alice.connectedPeers.isEmpty { try await alice.machine.sleep(for: .milliseconds(1)) }
      }
      await alice.close()
    }
  }

  @Test("tells what happens, in order", arguments: TwoMachines.allCases)
  func events(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice")
      let bob = try await scene.peer("Bob", on: scene.machines.bob) { $0.policy = .ask }
      for peer in [alice, bob] {
        #expect(await words(of: peer, until: "registered") == ["found", "registered"])
      }
      let answering = scene.machines.bob.spawn("bob answers") { try await bob.nextRequest().accept() }
      let connection = try await alice.connect(to: "Bob")
      try await scene.talk(connection, try await answering.value)
      await connection.close(code: 7, reason: "enough")
      let ours = await words(of: alice, until: "ended")
      #expect(ours == ["introduction", "addresses", "connected", "ended"])
      let theirs = await words(of: bob, until: "ended")
      #expect(theirs == ["requested", "connected", "ended"])
      await alice.close()
      await bob.close()
      // And that was all.
      for peer in [alice, bob] { for await event in peer.events { Issue.record("\(event) comes late") } }
    }
  }

  /// Its events in a word each, up to this one; how it tried again is left out.
  private func words(of peer: Peer, until last: String) async -> [String] {
    var words: [String] = []
    for await event in peer.events {
      switch event {
      case .registered: words.append("registered")
      case .candidatesChanged: words.append("candidates")
      case .requested: words.append("requested")
      case .connecting(_, .introduction): words.append("introduction")
      case .connecting(_, .addresses): words.append("addresses")
      case .connecting(_, .punching), .pathChanged: break
      case .connected: words.append("connected")
      case .disconnected: words.append("ended")
      case .registryFound: words.append("found")
      case .registryLost: words.append("lost")
      case .registryRefused: words.append("refused")
      case .registryTrusted: words.append("trusted")
      }
      if words.last == last { return words }
    }
    return words
  }

  @Test("leaves nothing of what nobody waits for any more", arguments: TwoMachines.allCases)
  func cancelled(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice")
      let bob = try await scene.peer("Bob", on: scene.machines.bob) { $0.policy = .ask }
      let one = scene.machines.alice.spawn("connecting") { try await alice.connect(to: bob.id) }
      let other = scene.machines.alice.spawn("connecting, too") { try await alice.connect(to: bob.id) }
      let request = try await bob.nextRequest()
      one.cancel()
      await #expect(throws: CancellationError.self) { try await one.value }
      // Somebody waits still.
      #expect(await alice.approaches.count == 1)
      other.cancel()
      await #expect(throws: CancellationError.self) { try await other.value }
      while await !alice.approaches.isEmpty { try await alice.machine.sleep(for: .milliseconds(1)) }
      #expect(await !alice.isDialling(bob.id))
      // Bob hears that it is over, and cannot let her in any more.
      while await !bob.questions.isEmpty { try await bob.machine.sleep(for: .milliseconds(1)) }
      #expect(await refusal { _ = try await request.accept() } == .notReachable)
      // So with who waits for a secret: it is free at once.
      for _ in 0..<3 {
        let waiting = scene.machines.alice.spawn("waiting") { try await alice.wait(forKey: "secret") }
        while await scene.server.waitingCount == 0 { try await alice.machine.sleep(for: .milliseconds(1)) }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        while await scene.server.waitingCount == 1 { try await alice.machine.sleep(for: .milliseconds(1)) }
      }
      #expect(await alice.connectedPeers.isEmpty)
      // And she can try again.
      scene.machines.bob.spawn("bob answers") { try await bob.nextRequest().accept() }
      #expect(try await alice.connect(to: bob.id).peer == bob.id)
      await alice.close()
      await bob.close()
    }
  }

  @Test("is closed in the middle of everything, and all who wait are told", arguments: TwoMachines.allCases)
  func closing(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice")
      let bob = try await scene.peer("Bob", on: scene.machines.bob) { $0.policy = .ask }
      let connecting = scene.machines.alice.spawn("connecting") { try await alice.connect(to: bob.id) }
      let waiting = scene.machines.alice.spawn("waiting") { try await alice.wait(forKey: "nobody comes") }
      let request = try await bob.nextRequest()
      while await scene.server.waitingCount == 0 { try await alice.machine.sleep(for: .milliseconds(1)) }
      await alice.close()
      #expect(await refusal { _ = try await connecting.value } == .closed)
      #expect(await [.closed, .noRegistry].contains(refusal { _ = try await waiting.value }))
      await bob.close()
      #expect(await refusal { _ = try await request.accept() } != nil)
      await request.deny()
      for await _ in bob.connections {}
      for await _ in bob.requests {}
    }
  }

  @Test("is asked once by each, however often one comes", arguments: TwoMachines.allCases)
  func importunate(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let bob = try await scene.peer("Bob", on: scene.machines.bob) { $0.policy = .ask }
      let mallory = try await RegistryVisitor(on: scene.machines.alice, of: scene.address)
      for number: UInt32 in 0..<(UInt32(PeerLimits.waitingRequests) + 10) {
        try await mallory.say(.introduce(Introduction.Request(.key(bob.id), at: [])), as: number + 1)
      }
      let alice = try await scene.peer("Alice")
      let asking = scene.machines.alice.spawn("alice asks") { try await alice.connect(to: "Bob") }
      #expect(try await bob.nextRequest().peer == mallory.key.peerID)
      let request = try await bob.nextRequest()
      #expect(request.peer == alice.id)
      try await request.accept()
      #expect(try await asking.value.peer == bob.id)
      #expect(await bob.questions.count == 1)
      await mallory.close()
      while await !bob.questions.isEmpty { try await bob.machine.sleep(for: .milliseconds(1)) }
      await alice.close()
      await bob.close()
    }
  }
}

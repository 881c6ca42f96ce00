import Testing
import Warren

@testable import WarrenRegistry

@Suite("A registry among hostile peers")
struct HostileRegistryTests {
  private static let stranger = SocketAddress(IPAddress(198, 51, 100, 7), port: 9)

  @Test(
    "refuses names and addresses that cannot be", arguments: TwoMachines.allCases,
    RegistryVisitor.Carrier.allCases)
  func impossible(world: TwoMachines, carrier: RegistryVisitor.Carrier) async throws {
    try await RegistryScene.run(world) { scene in
      let mallory = try await scene.visitor(over: carrier)
      let names: [([UInt8], RegistryError.Code)] = [
        ([], .badName), ([UInt8](repeating: 0x61, count: RegistryLimits.nameBytes + 1), .badName),
        ([0xFF], .badName), ([0x61, 0x0A], .badName), (Array("BOB".utf8), .nameTaken),
      ]
      for (number, (name, code)) in names.enumerated() {
        for kind: UInt8 in [1, 4] where kind == 1 || code != .nameTaken {
          let request = UInt32(number * 2) + UInt32(kind)
          try await mallory.say(kind, [(1, name)], as: request)
          guard case .failed(let error) = try await mallory.answer(to: request) else {
            Issue.record("\(name) was taken")
            continue
          }
          #expect(error.code == code, "\(name)")
        }
      }
      #expect(try await mallory.refusal(of: .renew) == .notRegistered)
      #expect(try await mallory.refusal(of: .rename(RegistryName("x"))) == .notRegistered)
      let port: UInt16 = 9
      var bad = try [
        SocketAddress(Self.stranger.ip, port: 0), SocketAddress(.any(.v4), port: port),
        SocketAddress(.any(.v6), port: port), SocketAddress(IPAddress(224, 0, 0, 1), port: port),
        SocketAddress(IPAddress("ff02::1"), port: port),
        SocketAddress(IPAddress(255, 255, 255, 255), port: port),
        SocketAddress(IPAddress("::ffff:203.0.113.77"), port: port),
        SocketAddress(RegistryScene.ownAddress, port: port),
      ]
      // Where the machines are one, its own addresses are everyone's.
      if world == .simulated {
        bad +=
          try [.loopback(.v4, port: port), .loopback(.v6, port: port)]
          + [SocketAddress(IPAddress("::ffff:127.0.0.1"), port: port)]
      }
      for addresses in bad.map({ [$0] }) + [
        Array(repeating: Self.stranger, count: RegistryLimits.addresses + 1)
      ] {
        #expect(try await mallory.refusal(of: .register(Announcement(at: addresses))) == .badAddress)
        let request = Introduction.Request(.key(scene.bob.key.peerID), at: addresses)
        #expect(try await mallory.refusal(of: .introduce(request)) == .badAddress)
        #expect(try await mallory.refusal(of: .accept(1, addresses: addresses)) == .badAddress)
      }
      let crowd: [(UInt8, [UInt8])] = Array(
        repeating: (3, [0, 9, 198, 51, 100, 7]), count: RegistryLimits.addresses + 2)
      try await mallory.say(1, crowd, as: 77)
      guard case .failed(let error) = try await mallory.answer(to: 77), error.code == .badMessage else {
        Issue.record("a crowd of addresses was taken")
        return
      }
      #expect(try await mallory.refusal(of: .find(.key(mallory.key.peerID))) == .notRegistered)
      // It is served like anybody else as soon as it says what makes sense.
      #expect(try await mallory.ask(.register(Announcement(named: RegistryName("m")))) == .done)
      await mallory.close()
    }
  }

  @Test("tells nobody of addresses at which it has not seen who names them", arguments: TwoMachines.allCases)
  func strangersAddresses(world: TwoMachines) async throws {
    try await RegistryScene.run(world) { scene in
      let mallory = try await scene.visitor()
      guard case .welcome(let observed, _) = try await mallory.hear().1 else {
        Issue.record("there was no welcome")
        return
      }
      let home = SocketAddress(IPAddress(10, 1, 2, 3), port: 9)
      let lies =
        try [
          "198.51.100.7", "2001:db8:7::1", "::ffff:198.51.100.7", "2002:c633:6407::1",
          "64:ff9b::198.51.100.7",
          "::198.51.100.7", "169.254.1.1", "fe80::1",
        ].map { SocketAddress(try IPAddress($0), port: 9) } + [home]
      let now = scene.server.machine.now
      let attestor = await scene.server.attestor
      let seen = SocketAddress(IPAddress(192, 0, 2, 99), port: 4)
      let right = attestor.proof(of: seen, at: now)
      let proven = [AttestedAddress(seen, proof: right)]
      let forged = [
        AttestedAddress(Self.stranger, proof: right), AttestedAddress(Self.stranger, proof: 0),
        AttestedAddress(SocketAddress(seen.ip, port: 5), proof: right),
        AttestedAddress(
          Self.stranger,
          proof: attestor.proof(
            of: Self.stranger, at: now.advanced(by: RegistryLimits.attestationPeriod * -3))),
      ]
      for (attested, expected) in [(forged, [observed, home]), (proven, [observed, seen, home])] {
        let announcement = Announcement(consent: .everyone, at: lies, attested: attested)
        #expect(try await mallory.ask(.register(announcement)) == .done)
        #expect(try await scene.alice.client.find(.key(mallory.key.peerID)).addresses == expected)
        let request = Introduction.Request(.key(mallory.key.peerID), at: [])
        #expect(try await scene.alice.client.introduce(request).addresses == expected)
        // As one who asks, and as one who answers.
        let asking = Introduction.Request(.key(scene.bob.key.peerID), at: lies)
        _ = try await mallory.ask(.introduce(asking))
        let introduced = try await scene.bob.next { if case .introduced(let it) = $0 { it } else { nil } }
        #expect(introduced.addresses == expected)
      }
      #expect(try await mallory.ask(.register(Announcement(consent: .ask, at: lies))) == .done)
      let answer = scene.machines.alice.spawn("alice asks") {
        try await scene.alice.client.introduce(Introduction.Request(.key(mallory.key.peerID), at: []))
      }
      let asked = try await mallory.next {
        if case .introduced(let it) = $0, it.isQuestion { it.id } else { nil }
      }
      #expect(try await mallory.ask(.accept(asked, addresses: lies)) == .done)
      #expect(try await answer.value.addresses == [observed, home])
      await mallory.close()
    }
  }

  @Test(
    "refuses what is too much, and serves the others", arguments: TwoMachines.allCases,
    RegistryVisitor.Carrier.allCases)
  func floods(world: TwoMachines, carrier: RegistryVisitor.Carrier) async throws {
    let limits: @Sendable (inout RegistryServer.Configuration) -> Void = {
      $0.messages = RequestRate(perSecond: 0.01, atOnce: 20)
      $0.introductions = RequestRate(perSecond: 0.01, atOnce: 5)
    }
    try await RegistryScene.run(world, limits) { scene in
      let mallory = try await scene.visitor(over: carrier)
      // A hello was a message, too.
      for number in 0..<200 {
        let request = Introduction.Request(.key(scene.bob.key.peerID), at: [])
        let message = number < 8 ? RegistryMessage.introduce(request) : .list(from: nil)
        let code = try await mallory.refusal(of: message)
        #expect(code == (5..<8 ~= number || number >= 19 ? .tooFast : nil), "\(number)")
      }
      let counters = await scene.server.counters
      #expect(counters.tooFast == 3 + 181)
      await mallory.close()
    }
  }

  @Test("may be told while it serves how many peers there may be", arguments: TwoMachines.allCases)
  func changedLimit(world: TwoMachines) async throws {
    try await RegistryScene.run(world) { scene in
      // Alice and Bob are there, and stay.
      await scene.server.limit(sessions: 2)
      let late = try await scene.visitor()
      #expect(await late.end() == .full)
      await late.close()
      try await scene.check()
      await scene.server.limit(sessions: 3)
      let next = try await scene.visitor()
      #expect(try await next.refusal(of: .list(from: nil)) == nil)
      #expect(await scene.server.counters.turnedAway == 1)
      await next.close()
    }
  }

  @Test(
    "lets one address have no more than its share, of those who say nothing too",
    arguments: TwoMachines.allCases)
  func crowds(world: TwoMachines) async throws {
    try await RegistryScene.run(world, { $0.sessionsPerAddress = 3 }) { scene in
      let machine = scene.machines.alice
      var random = machine.random
      let silent = QUICEndpoint(
        on: machine, try QUICIdentity(PrivateKey(using: &random)),
        QUICConfiguration(protocols: [RegistryMessage.protocolName]))
      try await silent.bind()
      let remote = SocketAddress(try IPAddress(scene.address.host), port: scene.address.port)
      let connection = try await silent.connect(to: remote, expecting: scene.address.key)
      _ = try await connection.confirmed()
      let others = [try await scene.visitor(), try await scene.visitor()]
      for other in others { #expect(try await other.refusal(of: .list(from: nil)) == nil) }
      for carrier in RegistryVisitor.Carrier.allCases {
        let late = try await scene.visitor(over: carrier)
        #expect(await late.end() == (carrier == .quic ? .full : nil))
        await late.close()
      }
      #expect(await scene.server.counters.turnedAway == 2)
      // Whoever goes makes room.
      await others[0].close()
      while await scene.server.sessionCount > 3 { try await machine.sleep(for: .milliseconds(1)) }
      let next = try await scene.visitor()
      #expect(try await next.refusal(of: .list(from: nil)) == nil)
      for guest in [others[1], next] { await guest.close() }
      await silent.close()
    }
  }

  @Test(
    "ends what is no message, and only that", arguments: TwoMachines.allCases,
    RegistryVisitor.Carrier.allCases)
  func rubbish(world: TwoMachines, carrier: RegistryVisitor.Carrier) async throws {
    try await RegistryScene.run(world) { scene in
      for bytes in [[0, 0], [0, 4], [0x80, 1], [255, 255, 1], [0xDE, 0xAD]]
        as [[UInt8]]
      {
        let mallory = try await scene.visitor(over: carrier)
        try await mallory.link.write(bytes)
        #expect(await mallory.end() == (carrier == .quic ? .malformed : nil))
        await mallory.close()
      }
      #expect(await scene.server.counters.malformed == 5)
    }
  }

  @Test(
    "is told nothing that is its own to say", arguments: TwoMachines.allCases,
    RegistryVisitor.Carrier.allCases)
  func wrongSide(world: TwoMachines, carrier: RegistryVisitor.Carrier) async throws {
    try await RegistryScene.run(world) { scene in
      let mallory = try await scene.visitor(over: carrier)
      let bob = scene.bob.key.peerID
      let messages: [RegistryMessage] = [
        .welcome(observed: Self.stranger, lifetime: .seconds(1)), .done,
        .failed(RegistryError(.denied, "no")),
        .found(Registration(of: .key(bob))), .page(RegistryPage(registrations: [])),
        .introduced(Introduction(id: 1, of: bob, at: [], isQuestion: false)),
        .accepted(Introduction.Answer(id: 1, peer: bob, addresses: [])), .seen(1, addresses: [Self.stranger]),
      ]
      for message in messages { #expect(try await mallory.refusal(of: message) == .badMessage) }
      // And what nobody knows is nothing.
      try await mallory.say(99, [(77, [1, 2, 3])], as: 5)
      #expect(try await mallory.refusal(of: .list(from: nil)) == nil)
      await mallory.close()
    }
  }

  @Test("lets nobody answer for another, or talk into what others have", arguments: TwoMachines.allCases)
  func others(world: TwoMachines) async throws {
    try await RegistryScene.run(world) { scene in
      let mallory = try await scene.visitor()
      let carol = try await scene.visitor()
      #expect(try await carol.ask(.register(Announcement(consent: .ask))) == .done)
      let answer = scene.machines.alice.spawn("alice asks carol") {
        try await scene.alice.client.introduce(Introduction.Request(.key(carol.key.peerID), at: []))
      }
      let id = try await carol.next { if case .introduced(let it) = $0 { it.id } else { nil } }
      /// All that may be said of an introduction, by somebody who has no part in it.
      func meddle() async throws {
        #expect(try await mallory.refusal(of: .accept(id, addresses: [])) == .notRegistered)
        #expect(try await mallory.ask(.deny(id, reason: "I say no")) == .done)
        try await mallory.say(.signal(id, [6, 6, 6]))
        try await mallory.say(.end(id))
        #expect(try await mallory.allTold().count { if case .welcome = $0 { false } else { true } } == 0)
        #expect(try await carol.allTold().count { if case .welcome = $0 { false } else { true } } == 0)
      }
      try await meddle()
      // Nor may the one who asks answer, or talk before there is an answer.
      await scene.alice.client.deny(id, reason: "I say no")
      await scene.alice.client.signal(id, [6])
      await #expect(throws: RegistryError.self) { try await scene.alice.client.accept(id, at: []) }
      #expect(try await carol.allTold() == [])
      #expect(try await carol.ask(.accept(id, addresses: [])) == .done)
      #expect(try await answer.value.id == id)
      try await meddle()
      await scene.alice.client.signal(id, [1])
      #expect(
        try await carol.next { if case .signal(_, let bytes) = $0 { bytes } else { nil } } == [1 as UInt8])
      try await carol.say(.signal(id, [2]))
      let heard = try await scene.alice.next { event -> RegistryEvent? in
        switch event {
        case .signal, .ended, .introduced, .seen: event
        default: nil
        }
      }
      #expect(heard == .signal(id, [2]))
      await mallory.close()
      await carol.close()
    }
  }

  @Test("brings nobody together with itself", arguments: TwoMachines.allCases)
  func itself(world: TwoMachines) async throws {
    try await RegistryScene.run(world) { scene in
      let mallory = try await scene.visitor()
      #expect(try await mallory.ask(.register(Announcement(consent: .everyone))) == .done)
      let own = Introduction.Request(.key(mallory.key.peerID), at: [])
      #expect(try await mallory.refusal(of: .introduce(own)) == .badMessage)
      try await mallory.say(.wait(key: "open sesame"), as: 1)
      let request = Introduction.Request(.pairing("open sesame"), at: [])
      try await mallory.say(.introduce(request), as: 2)
      for number: UInt32 in 1...2 {
        guard case .failed(let error) = try await mallory.answer(to: number) else {
          Issue.record("it was brought together with itself")
          continue
        }
        #expect(error.code == .badMessage)
      }
      #expect(await scene.server.waitingCount == 0)
      await mallory.close()
    }
  }

  @Test(
    "keeps whom it has where another connects with the same key and says nothing, as a client does that was faster",
    arguments: TwoMachines.allCases, RegistryVisitor.Carrier.allCases)
  func speechless(world: TwoMachines, carrier: RegistryVisitor.Carrier) async throws {
    try await RegistryScene.run(world) { scene in
      let first = try await scene.visitor()
      #expect(try await first.ask(.register(Announcement(consent: .everyone))) == .done)
      let second = try await RegistryVisitor(
        on: scene.machines.alice, of: scene.address, over: carrier, key: first.key, greets: false)
      // It is there by now: whoever comes after it is served.
      let third = try await scene.visitor(over: carrier)
      #expect(try await third.refusal(of: .list(from: nil)) == nil)
      #expect(try await first.ask(.renew) == .done)
      #expect(await scene.server.counters.sessions == 4)
      for visitor in [second, first, third] { await visitor.close() }
    }
  }

  @Test(
    "takes whoever has come last for the one with a key", arguments: TwoMachines.allCases,
    RegistryVisitor.Carrier.allCases)
  func replaced(world: TwoMachines, carrier: RegistryVisitor.Carrier) async throws {
    try await RegistryScene.run(world) { scene in
      let first = try await scene.visitor()
      try await first.say(.wait(key: "key"), as: 9)
      #expect(
        try await first.ask(.register(Announcement(named: RegistryName("m"), consent: .everyone))) == .done)
      let second = try await scene.visitor(over: carrier, key: first.key)
      #expect(await first.end() == .replaced)
      #expect(try await second.ask(.renew) == .done)
      #expect(await scene.server.sessionCount == 3)
      #expect(await scene.server.waitingCount == 0)
      let request = Introduction.Request(.name(try RegistryName("m")), at: [])
      #expect(try await scene.alice.client.introduce(request).peer == first.key.peerID)
      #expect(
        try await second.next { if case .introduced(let it) = $0 { it.peer } else { nil } }
          == scene.alice.key.peerID)
      await first.close()
      await second.close()
    }
  }
}

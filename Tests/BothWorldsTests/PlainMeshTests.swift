import Testing
import WarrenSimulator

@testable import Warren

@Suite("A mesh in plain text")
struct PlainMeshTests {
  @Test(
    "of three finds together through one of them, talks, and notices who leaves",
    arguments: TwoMachines.allCases)
  func three(world: TwoMachines) async throws {
    try await PlainScene.run(world) { scene in
      let anna = try await scene.node("anna")
      let ben = try await scene.node("ben", isBob: true) { $0.bootstraps = [anna.address] }
      try await ben.wait(for: "the beginning") { if case .bootstrapped = $0 { true } else { false } }
      let cora = try await scene.node("cora", isBob: true)
      let known = try await cora.mesh.connect(to: anna.address)
      #expect(known == PlainPeer(id: anna.mesh.id, name: "anna", at: anna.address))
      let all = [anna, ben, cora]
      for one in all { try await one.wait(for: 2, peersOf: one.mesh) }
      #expect(await anna.mesh.peers.map(\.name).sorted() == ["ben", "cora"])
      #expect(await cora.mesh.peers.map(\.address).sorted() == [anna.address, ben.address].sorted())

      for one in all { try await one.mesh.broadcast("hello from \(one.mesh.name)") }
      for one in all {
        try await one.wait(for: "texts", count: 2) { if case .text = $0 { true } else { false } }
        let texts = all.filter { $0.mesh.id != one.mesh.id }.map {
          "\($0.mesh.name): hello from \($0.mesh.name)"
        }
        #expect(await one.texts().sorted() == texts.sorted())
      }
      let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      try await anna.mesh.send(bytes: bytes, to: cora.mesh.id)
      try await anna.mesh.broadcast(bytes: [])
      let got = try await cora.wait(for: "bytes", count: 2) { if case .bytes = $0 { true } else { false } }
      let sender = try #require(await cora.mesh.peers.first { $0.name == "anna" })
      #expect(got == [.bytes(bytes, from: sender), .bytes([], from: sender)])
      try await ben.wait(for: "bytes") { if case .bytes = $0 { true } else { false } }

      try await anna.mesh.broadcast("goodbye")
      await anna.mesh.leave()
      for one in [ben, cora] {
        try await one.wait(for: "the end") { if case .disconnected = $0 { true } else { false } }
        #expect(await one.texts().last == "anna: goodbye")
        #expect(await one.mesh.peers.count == 1)
      }
      await #expect(throws: PlainError.self) { try await anna.mesh.broadcast("still there?") }
      for one in [ben, cora] { await one.mesh.leave() }
    }
  }

  @Test("of two that call each other at once has one connection", arguments: TwoMachines.allCases)
  func crossing(world: TwoMachines) async throws {
    try await PlainScene.run(world) { scene in
      for _ in 0..<8 {
        let anna = try await scene.node("anna")
        let ben = try await scene.node("ben", isBob: true)
        async let one = anna.mesh.connect(to: ben.address)
        async let other = ben.mesh.connect(to: anna.address)
        #expect(try await one.id == ben.mesh.id)
        #expect(try await other.id == anna.mesh.id)
        try await anna.mesh.broadcast("from anna")
        try await ben.mesh.broadcast("from ben")
        for witness in [anna, ben] {
          try await witness.wait(for: "text") { if case .text = $0 { true } else { false } }
        }
        for witness in [anna, ben] {
          #expect(await witness.connections() == 1)
          #expect(await witness.mesh.links.count == 1)
          #expect(await witness.mesh.peers.count == 1)
        }
        await anna.mesh.leave()
        await ben.mesh.leave()
        #expect(await anna.texts() == ["ben: from ben"])
        #expect(await ben.texts() == ["anna: from anna"])
      }
    }
  }

  @Test("of two has one connection whichever of them is how much sooner", arguments: 0..<40 as Range<UInt64>)
  func almostCrossing(seed: UInt64) async throws {
    let world = World(seed: seed) {
      Server("anna")
      Server("ben")
    }
    try await world.run { world in
      let (alice, bob) = (world.machine("anna"), world.machine("ben"))
      let scene = PlainScene(
        machines: TwoMachines.Pair(
          alice: alice, bob: bob, bobIP: { bob.address($0) }, aliceIP: { alice.address($0) }))
      for _ in 0..<4 {
        let anna = try await scene.node("anna")
        let ben = try await scene.node("ben", isBob: true)
        func call(_ one: PlainWitness, _ other: PlainWitness) -> Task<Void, any Error> {
          one.mesh.machine.spawn("a call") {
            var random = one.mesh.machine.random
            try await one.mesh.machine.sleep(for: .milliseconds(Int64.random(in: 0..<120, using: &random)))
            _ = try await one.mesh.connect(to: other.address)
            try await one.mesh.broadcast("from \(one.mesh.name)")
          }
        }
        let calls = [call(anna, ben), call(ben, anna)]
        for call in calls { try await call.value }
        for witness in [anna, ben] {
          try await witness.wait(for: "text") { if case .text = $0 { true } else { false } }
        }
        try await alice.sleep(for: .seconds(1))
        for witness in [anna, ben] {
          #expect(await witness.mesh.links.count == 1)
          #expect(await witness.events.count { if case .connected = $0 { true } else { false } } == 1)
          #expect(await witness.connections() == 1)
        }
        await anna.mesh.leave()
        await ben.mesh.leave()
        #expect(await anna.texts() == ["ben: from ben"])
        #expect(await ben.texts() == ["anna: from anna"])
      }
    }
  }

  @Test("of eight that all begin with one is full, with one connection each", arguments: TwoMachines.allCases)
  func crowd(world: TwoMachines) async throws {
    try await PlainScene.run(world) { scene in
      let first = try await scene.node("0")
      var all = [first]
      for number in 1..<8 {
        all.append(
          try await scene.node("\(number)", isBob: number % 2 == 1) {
            $0.bootstraps = [first.address]
            $0.discoveryInterval = .seconds(1)
          })
      }
      for one in all { try await one.wait(for: 7, peersOf: one.mesh) }
      // Calls that have crossed are over by then.
      try await scene.machines.alice.sleep(for: .seconds(2))
      for one in all {
        #expect(await one.mesh.links.count == 7)
        #expect(await one.connections() == 7)
        try await one.mesh.broadcast("I am \(one.mesh.name)")
      }
      for one in all {
        try await one.wait(for: "texts", count: 7) { if case .text = $0 { true } else { false } }
        await one.mesh.leave()
        #expect(await Set(one.texts()).count == 7)
      }
    }
  }

  // MARK: What goes wrong

  @Test("loses nothing where its events are read late", arguments: TwoMachines.allCases)
  func slowReader(world: TwoMachines) async throws {
    try await PlainScene.run(world) { scene in
      let ben = try await scene.node("ben", isBob: true, reads: false) { $0.waitingBytes = 50_000 }
      let anna = try await scene.node("anna")
      try await anna.mesh.connect(to: ben.address)
      let speaking = scene.machines.alice.spawn("much") {
        for number in 0..<400 {
          try await anna.mesh.broadcast("text \(number)")
          try await anna.mesh.broadcast(
            bytes: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 50_000))
        }
      }
      try await scene.machines.bob.sleep(for: .milliseconds(500))
      #expect(await ben.mesh.happened.hasRoom == false)
      await ben.read()
      try await speaking.value
      let got = try await ben.wait(for: "all", count: 800) {
        switch $0 {
        case .text, .bytes: true
        default: false
        }
      }
      let peer = try #require(await ben.mesh.peers.first)
      #expect(
        got
          == (0..<400).flatMap {
            [
              .text("text \($0)", from: peer),
              .bytes([UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 50_000), from: peer),
            ]
          })
      await anna.mesh.leave()
      await ben.mesh.leave()
    }
  }

  @Test("goes on talking when one takes nothing, and lets it go", arguments: TwoMachines.allCases)
  func stalled(world: TwoMachines) async throws {
    try await PlainScene.run(world) { scene in
      let anna = try await scene.node("anna") { $0.messageBytes = 1 << 20 }
      let others = [try await scene.node("ben", isBob: true), try await scene.node("cora", isBob: true)]
      for other in others { try await other.mesh.connect(to: anna.address) }
      let stalled = PlainVisitor(on: scene.machines.bob)
      try await stalled.call(anna.address)
      try await stalled.say("stalled\n")
      #expect(try await stalled.line() == "\(anna.mesh.id):anna")
      for _ in 0..<64 { try await anna.mesh.broadcast(bytes: [UInt8](repeating: 7, count: 1 << 20)) }
      for other in others {
        try await other.wait(for: "all", count: 64) { if case .bytes = $0 { true } else { false } }
      }
      let ends = try await anna.wait(for: "the end of one") {
        if case .disconnected = $0 { true } else { false }
      }
      guard case .disconnected(let peer, let error) = ends[0] else { return }
      #expect(peer.id == "stalled" && error.code == .tooSlow && ends.count == 1)
      for node in others + [anna] { await node.mesh.leave() }
      await stalled.close()
    }
  }

  @Test("ends a connection that says what cannot be, and no other", arguments: TwoMachines.allCases)
  func hostile(world: TwoMachines) async throws {
    try await PlainScene.run(world) { scene in
      let ben = try await scene.node("ben", isBob: true)
      let friend = PlainVisitor(on: scene.machines.alice)
      try await friend.call(ben.address)
      try await friend.say("friend\nLISTEN:localhost:1\n")
      #expect(try await friend.line() != nil)
      for (number, words) in ["BYTES:-1\n", "BYTES:17000000\n", String(repeating: "x", count: 70_000)]
        .enumerated()
      {
        let visitor = PlainVisitor(on: scene.machines.alice)
        try await visitor.call(ben.address)
        try await visitor.say("v\(number):visitor\nLISTEN:evil.example:\(7000 + number)\n")
        #expect(try await visitor.line() == "\(ben.mesh.id):ben")
        try await visitor.say(words)
        try await ben.wait(for: "its end", count: number + 1) {
          if case .disconnected = $0 { true } else { false }
        }
        await visitor.close()
      }
      try await friend.say("still here\n")
      try await ben.wait(for: "text") { if case .text = $0 { true } else { false } }
      #expect(await ben.texts() == ["friend: still here"])
      await friend.close()
      await ben.mesh.leave()
    }
  }

  @Test("does not connect with itself, nor with nobody", arguments: TwoMachines.allCases)
  func nobody(world: TwoMachines) async throws {
    try await PlainScene.run(world) { scene in
      let anna = try await scene.node("anna")
      let own = await #expect(throws: PlainError.self) { try await anna.mesh.connect(to: anna.address) }
      #expect(own?.code == .oneself)
      let nobody = SocketAddress.nobody(at: scene.machines.bobIP(.v4))
      let error = await #expect(throws: PlainError.self) { try await anna.mesh.connect(to: nobody) }
      #expect(error?.code == .unreachable)
      try await anna.wait(for: "the failure") {
        if case .connectingFailed(nobody, _) = $0 { true } else { false }
      }
      #expect(await anna.mesh.peers.isEmpty)
      let missing = await #expect(throws: PlainError.self) {
        try await anna.mesh.send(bytes: [1], to: "nobody")
      }
      #expect(missing?.code == .notFound)
      await anna.mesh.leave()
      #expect(await anna.mesh.links.isEmpty)
      #expect(await anna.mesh.leaving.isEmpty)
    }
  }

  @Test("gives up a call that nobody answers, and one of whom nobody says who it is")
  func unanswered() async throws {
    try await PlainScene.run(.simulated) { scene in
      let anna = try await scene.node("anna")
      let mute = PlainVisitor(on: scene.machines.bob)
      let place = SocketAddress(scene.machines.bobIP(.v4), port: try await mute.listen())
      let nowhere = SocketAddress(IPAddress(203, 0, 113, 99), port: 80)
      for (address, code) in [(place, PlainError.Code.silent), (nowhere, .unreachable)] {
        let start = anna.mesh.machine.now
        let error = await #expect(throws: PlainError.self) { try await anna.mesh.connect(to: address) }
        #expect(error?.code == code)
        #expect(start.duration(to: anna.mesh.machine.now) <= .seconds(10))
      }
      await anna.mesh.leave()
      await mute.close()
    }
  }

  @Test("gives up whoever says nothing, and says when nobody could be found at the beginning")
  func silence() async throws {
    try await PlainScene.run(.simulated) { scene in
      let nobody = SocketAddress.nobody(at: scene.machines.bobIP(.v4))
      let anna = try await scene.node("anna") { $0.bootstraps = [nobody] }
      let visitor = PlainVisitor(on: scene.machines.bob)
      try await visitor.call(anna.address)
      try await visitor.say("mute\n")
      try await scene.machines.alice.sleep(for: .seconds(20))
      let failures = await anna.events.filter { if case .bootstrapFailed = $0 { true } else { false } }
      guard case .bootstrapFailed(nobody, 5, _) = failures.first else {
        Issue.record("it says \(await anna.events)")
        return
      }
      try await scene.machines.alice.sleep(for: .seconds(42))
      let ends = try await anna.wait(for: "the end") { if case .staleRemoved = $0 { true } else { false } }
      guard case .staleRemoved(let gone) = ends[0] else { return }
      #expect(gone.id == "mute" && ends.count == 1)
      #expect(await anna.mesh.peers.isEmpty)
      await anna.mesh.leave()
      await visitor.close()
    }
  }
}

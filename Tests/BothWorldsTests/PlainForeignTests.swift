import Testing

@testable import Warren

@Suite("A mesh in plain text, with others' programs")
struct PlainForeignTests {
  @Test("talks with who calls as the original does, and with netcat", arguments: TwoMachines.allCases)
  func called(world: TwoMachines) async throws {
    try await PlainScene.run(world) { scene in
      let ben = try await scene.node("ben", isBob: true) { $0.mostPeers = 2 }
      let original = PlainVisitor(on: scene.machines.alice)
      try await original.call(ben.address)
      try await original.say("a1:alice\n")
      try await original.say("LISTEN:localhost:8001\n")
      #expect(try await original.line() == "\(ben.mesh.id):ben")
      try await original.say("REQUEST_PEERS\nhello\nPING\nBYTES:5\na\nb\nc")
      #expect(try await original.line() == "PONG")
      try await ben.wait(for: "bytes") { if case .bytes = $0 { true } else { false } }
      let peer = PlainPeer(
        id: "a1", name: "alice", at: SocketAddress(scene.machines.aliceIP(.v4), port: 8001))
      #expect(await ben.mesh.peers == [peer])
      #expect(await ben.events.contains(.text("hello", from: peer)))
      #expect(await ben.events.contains(.bytes(Array("a\nb\nc".utf8), from: peer)))

      let netcat = PlainVisitor(on: scene.machines.alice)
      try await netcat.call(ben.address)
      try await netcat.say("bob\r\n")
      #expect(try await netcat.line() == "\(ben.mesh.id):ben")
      #expect(try await netcat.line() == "PEERS:\(peer.address)")
      try await ben.mesh.broadcast("to both")
      try await ben.mesh.broadcast(bytes: Array("PING\n".utf8))
      for visitor in [original, netcat] {
        #expect(try await visitor.line() == "to both")
        #expect(try await visitor.line() == "BYTES:5")
        #expect(try await visitor.read(exactly: 5) == Array("PING\n".utf8))
      }
      await #expect(throws: PlainError.self) { try await ben.mesh.broadcast("PEERS:192.0.2.1:80") }

      // The same again, and one too many.
      for (id, refusal) in [("a1:mallory", "DUPLICATE"), ("c3:carl", "MAX_PEERS")] {
        let other = PlainVisitor(on: scene.machines.alice)
        try await other.call(ben.address)
        try await other.say("\(id)\nLISTEN:localhost:8002\n")
        #expect(try await other.line() == refusal)
        if refusal == "MAX_PEERS" { #expect(try await other.line() == "PEERS:\(peer.address)") }
        #expect(try await other.line() == nil)
        await other.close()
      }
      #expect(await ben.mesh.peers.count == 2)
      await netcat.close()
      try await ben.wait(for: "the end of netcat") {
        if case .disconnected(let peer, _) = $0 { peer.id == "bob" } else { false }
      }
      await ben.mesh.leave()
      #expect(try await original.line() == nil)
      await original.close()
    }
  }

  @Test("calls the original as it is used to, and learns whom it knows", arguments: TwoMachines.allCases)
  func calling(world: TwoMachines) async throws {
    try await PlainScene.run(world) { scene in
      let anna = try await scene.node("anna")
      let cora = try await scene.node("cora", isBob: true)
      let original = PlainVisitor(on: scene.machines.bob)
      let place = SocketAddress(scene.machines.bobIP(.v4), port: try await original.listen())
      let call = scene.machines.alice.spawn("a call") { try await anna.mesh.connect(to: place) }
      try await original.accept()
      #expect(try await original.line() == "\(anna.mesh.id):anna")
      #expect(try await original.line() == "LISTEN:\(anna.address)")
      try await original.say("b2:bob\nPEERS:localhost:\(cora.address.port),\(anna.address),nobody:x\n")
      #expect(try await call.value == PlainPeer(id: "b2", name: "bob", at: place))
      #expect(try await original.line() == "REQUEST_PEERS")
      let found = try await anna.wait(for: "others") { if case .discovered = $0 { true } else { false } }
      #expect(found == [.discovered([cora.address], by: PlainPeer(id: "b2", name: "bob", at: place))])
      try await anna.wait(for: 2, peersOf: anna.mesh)

      // Who answers with a refusal is not there, and says why.
      for (answer, code) in [
        ("DUPLICATE\n", PlainError.Code.duplicate), ("MAX_PEERS\n", .full), ("PING\n", .badName),
        ("", .ended),
      ] {
        let other = PlainVisitor(on: scene.machines.bob)
        let place = SocketAddress(scene.machines.bobIP(.v4), port: try await other.listen())
        let call = scene.machines.alice.spawn("a call") { try await anna.mesh.connect(to: place) }
        try await other.accept()
        #expect(try await other.line() != nil)
        try await other.say(answer)
        await other.close()
        let error = await #expect(throws: PlainError.self) { _ = try await call.value }
        #expect(error?.code == code)
      }
      await anna.mesh.leave()
      await cora.mesh.leave()
      await original.close()
    }
  }

  @Test(
    "has one connection with a node of the original that calls while it is called",
    arguments: TwoMachines.allCases, ["0", "zz"])
  func crossingTheOriginal(world: TwoMachines, id: String) async throws {
    try await PlainScene.run(world) { scene in
      let anna = try await scene.node("anna") { $0.id = "aa" }
      let (called, calling) = (PlainVisitor(on: scene.machines.bob), PlainVisitor(on: scene.machines.bob))
      let port = try await called.listen()
      let place = SocketAddress(scene.machines.bobIP(.v4), port: port)
      let call = scene.machines.alice.spawn("a call") { try await anna.mesh.connect(to: place) }
      try await called.accept()
      #expect(try await called.line() == "aa:anna")
      try await calling.call(anna.address)
      try await calling.say("\(id):old\nLISTEN:localhost:\(port)\n")
      try await scene.machines.bob.sleep(for: .milliseconds(100))
      try await called.say("\(id):old\n")
      #expect(try await call.value.id == id)
      #expect(try await calling.line() == "DUPLICATE")
      #expect(try await calling.line() == nil)
      #expect(await anna.mesh.links.count == 1)
      await anna.mesh.leave()
      await called.close()
      await calling.close()
    }
  }
}

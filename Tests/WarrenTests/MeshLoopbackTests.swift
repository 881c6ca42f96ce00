import TestSupport
import Testing
import Warren

@Suite("A mesh over loopback")
struct MeshLoopbackTests {
  private func run(_ body: @escaping @Sendable (any Machine) async throws -> Void) async throws {
    let open = try await onLocalMachines(["mesh"], isAlone: true) { try await body($0[0]) }
    #expect(open == [0])
  }

  @Test("twenty hear each other, each message once and in its sender's order, and know when one goes")
  func twenty() async throws {
    try await run { machine in
      let nodes = try await MeshNode.many(20, on: machine)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for node in nodes {
          group.addTask { for round in 0..<10 { try await node.mesh.broadcast("\(round)") } }
        }
        try await group.waitForAll()
      }
      let expected = (0..<10).map { "\($0)" }
      try await machine.wait("all to have heard all") {
        nodes.allSatisfy { node in
          nodes.allSatisfy { $0 === node || node.texts(of: $0.id).count >= 10 }
        }
      }
      // What comes twice comes soon after.
      try await machine.sleep(for: .seconds(1))
      for node in nodes {
        for other in nodes where other !== node { #expect(node.texts(of: other.id) == expected) }
        #expect(node.texts(of: node.id).isEmpty)
      }
      let (gone, rest) = (nodes[7], nodes.filter { $0 !== nodes[7] })
      await gone.mesh.leave()
      try await machine.wait("all to know that one has left", atMost: .seconds(5)) {
        for node in rest where await node.state(of: gone.id) != .left { return false }
        return true
      }
      for node in nodes {
        // A computer that is busy with something else may take somebody for dead: it comes back, and nothing is lost.
        let faults = node.events.filter {
          switch $0 {
          case .missed, .fellBehind, .undelivered, .duplicate, .refused: true
          default: false
          }
        }
        #expect(faults.isEmpty, "\(faults)")
      }
      for node in rest { await node.mesh.leave() }
    }
  }

  @Test("what is said to one alone is heard by that one alone, in order, both ways at once")
  func direct() async throws {
    try await run { machine in
      let nodes = try await MeshNode.many(3, on: machine)
      let (alice, bob) = (nodes[1], nodes[2])
      let texts = (0..<500).map { MeshMessage.Content.text("number \($0)") }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (one, other) in [(alice, bob), (bob, alice)] {
          group.addTask {
            for number in 0..<500 { try await one.mesh.send("number \(number)", to: other.id) }
          }
        }
        try await group.waitForAll()
      }
      let large = [UInt8](repeating: 9, count: 8 << 20)
      try await alice.mesh.send(bytes: large, to: bob.id)
      try await machine.wait("both to have heard all") {
        alice.told[bob.id]?.count == 500 && bob.told[alice.id]?.count == 501
      }
      #expect(alice.told == [bob.id: texts] && bob.told == [alice.id: texts + [.bytes(large)]])
      #expect(nodes[0].told.isEmpty && nodes.allSatisfy(\.heard.isEmpty))
      var random = machine.random
      let stranger = PrivateKey(using: &random).peerID
      await #expect { try await alice.mesh.send("hello", to: stranger) } throws: {
        ($0 as? MeshError)?.code == .notFound
      }
      for node in nodes { await node.mesh.leave() }
    }
  }

  @Test("as much as may be said at once is heard by all, and a byte more is not said")
  func large() async throws {
    try await run { machine in
      let nodes = try await MeshNode.many(4, on: machine)
      let most = (0..<16 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
      try await nodes[0].mesh.broadcast(bytes: most)
      try await machine.wait("all to have heard it") {
        nodes.dropFirst().allSatisfy { $0.heard[nodes[0].id]?.count == 1 }
      }
      for node in nodes.dropFirst() { #expect(node.heard[nodes[0].id] == [.bytes(most)]) }
      for id in [nil, nodes[1].id] {
        await #expect {
          if let id {
            try await nodes[0].mesh.send(bytes: most + [0], to: id)
          } else {
            try await nodes[0].mesh.broadcast(bytes: most + [0])
          }
        } throws: {
          ($0 as? MeshError)?.code == .tooLarge
        }
      }
      for node in nodes { await node.mesh.leave() }
    }
  }

  @Test("whoever sends more than is taken here is turned away, and told why")
  func tooLarge() async throws {
    try await run { machine in
      let nodes = try await MeshNode.many(3, on: machine) { if $0 == 2 { $1.messageBytes = 1000 } }
      try await nodes[0].mesh.broadcast(bytes: [UInt8](repeating: 1, count: 2000))
      try await machine.wait("both sides to know why") {
        [(nodes[0], nodes[2].id), (nodes[2], nodes[0].id)].allSatisfy { node, other in
          node.events.contains {
            if case .disconnected(let member, let error) = $0 {
              member.id == other && error.code == .tooLarge
            } else {
              false
            }
          }
        }
      }
      try await machine.wait("the others to have heard it") { nodes[1].heard[nodes[0].id]?.count == 1 }
      #expect(nodes[2].heard.isEmpty)
      for node in nodes { await node.mesh.leave() }
    }
  }

  /// Four nodes, of which one does not read what happens, and 24 messages of which each has a number.
  private func runSlow(
    kept: Int,
    _ body: @escaping @Sendable (_ nodes: [MeshNode], _ slow: MeshNode, _ count: Int) async throws -> Void
  ) async throws {
    try await run { machine in
      let nodes = try await MeshNode.many(3, on: machine) { $1.keptBytes = kept }
      let first = await nodes[0].address
      let slow = try await MeshNode("slow", on: machine, listens: false) {
        $0.bootstraps = [.address(first)]
        $0.keptBytes = kept
        $0.waitingBytes = 1000
      }
      try await machine.wait("the slow one to be a neighbour of all") {
        await slow.mesh.neighbours.count == 3
      }
      let count = 24
      // One after the other, so that on a busy computer nobody else is behind by more than is kept.
      for number in 0..<count {
        try await nodes[0].mesh.broadcast(bytes: [UInt8](repeating: UInt8(number), count: 1 << 20))
        try await machine.wait("the others to have heard it") {
          nodes.dropFirst().allSatisfy { $0.heard[nodes[0].id]?.count == number + 1 }
        }
      }
      #expect(slow.heard.isEmpty)
      for node in nodes.dropFirst() {
        #expect(node.heard[nodes[0].id]?.map(Self.number) == Array(0..<count))
      }
      // Longer than it takes to be taken for dead, if one could be for that.
      try await machine.sleep(for: .seconds(6))
      slow.listen()
      try await body(nodes, slow, count)
      let known = await nodes[0].state(of: slow.id)
      #expect(known == .alive)
      for node in nodes + [slow] { await node.mesh.leave() }
    }
  }

  private static func number(_ content: MeshMessage.Content) -> Int {
    if case .bytes(let bytes) = content { Int(bytes[0]) } else { -1 }
  }

  @Test("one that reads slowly stops nobody, and loses nothing that is kept")
  func slow() async throws {
    try await runSlow(kept: 32 << 20) { nodes, slow, count in
      let machine = nodes[0].mesh.machine
      try await machine.wait("the slow one to have heard all") { slow.heard[nodes[0].id]?.count == count }
      #expect(slow.heard[nodes[0].id]?.map(Self.number) == Array(0..<count))
      #expect(slow.missed(of: nodes[0].id) == 0 && nodes[0].fellBehind(slow.id) == 0)
    }
  }

  @Test("one that reads too slowly loses what is not kept, and it and the sender are told how much")
  func tooSlow() async throws {
    try await runSlow(kept: 2 << 20) { nodes, slow, count in
      let machine = nodes[0].mesh.machine
      try await machine.wait("the slow one to have heard the rest") {
        UInt64(slow.heard[nodes[0].id]?.count ?? 0) + slow.missed(of: nodes[0].id) == count
      }
      let heard = slow.heard[nodes[0].id]!.map(Self.number)
      #expect(heard == heard.sorted() && Set(heard).count == heard.count && heard.last == count - 1)
      let missed = slow.missed(of: nodes[0].id)
      #expect(missed > 0)
      try await machine.wait("the sender to be told") { nodes[0].fellBehind(slow.id) >= missed }
      try await machine.sleep(for: .seconds(1))
      #expect(nodes[0].fellBehind(slow.id) == missed)
      #expect(nodes.dropFirst().allSatisfy { $0.missed(of: nodes[0].id) == 0 })
    }
  }
}

import TestSupport
import Testing

@testable import Warren

@Suite("Who takes part in a mesh, over loopback")
struct MeshAdmissionTests {
  private func run(_ body: @escaping @Sendable (any Machine) async throws -> Void) async throws {
    let open = try await onLocalMachines(["mesh"]) { try await body($0[0]) }
    #expect(open == [0])
  }

  /// How one comes that is turned away.
  enum Stranger: String, CaseIterable {
    case otherMesh, wrongSecret, noSecret, uncalledSecret, notOnTheList, notOnItsList

    func change(_ alice: inout Mesh.Configuration, _ bob: inout Mesh.Configuration, _ stranger: PeerID) {
      switch self {
      case .otherMesh: bob.mesh = "another"
      case .wrongSecret:
        alice.admission = .secret("sesame")
        bob.admission = .secret("barley")
      case .noSecret: alice.admission = .secret("sesame")
      case .uncalledSecret: bob.admission = .secret("sesame")
      case .notOnTheList: alice.admission = .only([stranger])
      case .notOnItsList: bob.admission = .only([stranger])
      }
    }

    var code: MeshError.Code {
      switch self {
      case .otherMesh: .otherMesh
      case .wrongSecret, .noSecret, .uncalledSecret: .wrongSecret
      case .notOnTheList, .notOnItsList: .notAllowed
      }
    }
  }

  @Test("who does not belong here is turned away, and both sides know why", arguments: Stranger.allCases)
  func turnedAway(stranger: Stranger) async throws {
    try await run { machine in
      var random = machine.random
      let other = PrivateKey(using: &random).peerID
      // Whichever of the two speaks first.
      for round in 0..<3 {
        var second = Mesh.Configuration(mesh: "", name: "")
        let alice = try await MeshNode("alice", on: machine) {
          second = $0
          second.name = "bob"
          stranger.change(&$0, &second, other)
        }
        let address = await alice.address
        second.bootstraps = [.address(address)]
        let bobs = second
        let bob = try await MeshNode("bob", on: machine) { $0 = bobs }
        let codes: @Sendable (MeshNode) -> [MeshError.Code] = {
          $0.refusals(byUs: true) + $0.refusals(byUs: false)
        }
        _ = try? await machine.wait("both to know why") { ![alice, bob].contains { codes($0).isEmpty } }
        for node in [alice, bob] {
          #expect(Set(codes(node)) == [stranger.code], "round \(round): \(node.events)")
          #expect(await node.mesh.members.count == 1)
          #expect(await node.mesh.neighbours.isEmpty)
        }
        for node in [alice, bob] { await node.mesh.leave() }
      }
    }
  }

  @Test("those who are on the lists of each other, or know the secret, are let in")
  func letIn() async throws {
    try await run { machine in
      var random = machine.random
      let keys = (0..<3).map { _ in PrivateKey(using: &random) }
      for admission in [.secret("sesame"), .only(keys.map(\.peerID))] as [Mesh.Admission] {
        let nodes = try await MeshNode.many(3, on: machine) {
          $1.admission = admission
          $1.peer.key = keys[$0]
        }
        try await nodes[0].mesh.broadcast("welcome")
        try await machine.wait("both to hear it") {
          nodes.dropFirst().allSatisfy { $0.texts(of: nodes[0].id) == ["welcome"] }
        }
        for node in nodes { await node.mesh.leave() }
      }
    }
  }

  @Test("who says that it is one without knowing the secret, and hangs up at once, is not believed")
  func hangsUp() async throws {
    try await run { machine in
      let node = try await MeshNode("alice", on: machine) { $0.admission = .secret("sesame") }
      for _ in 0..<10 {
        let stranger = try await MeshStranger(to: node)
        try await stranger.begin(saying: MeshLink.frame(stranger.hello))
        await stranger.peer.close()
      }
      try await machine.wait("all of them to be gone") { await node.mesh.greeted.isEmpty }
      #expect(await node.mesh.members.count == 1)
      #expect(!node.events.contains { if case .joined = $0 { true } else { false } })
      await node.mesh.leave()
    }
  }

  @Test("two programs of one key are both told that there is another")
  func duplicate() async throws {
    try await run { machine in
      let nodes = try await MeshNode.many(2, on: machine)
      let first = await nodes[0].address
      var random = machine.random
      let key = PrivateKey(using: &random)
      var twins: [MeshNode] = []
      for number in 0..<2 {
        twins.append(
          try await MeshNode("twin \(number)", on: machine) {
            $0.peer.key = key
            $0.bootstraps = [.address(first)]
          })
        // One life begins later than the other.
        try await machine.sleep(for: .milliseconds(500))
      }
      let both = twins
      try await machine.wait("both of them to be told", atMost: .seconds(60)) {
        both.allSatisfy { $0.events.contains { if case .duplicate = $0 { true } else { false } } }
      }
      try await nodes[0].mesh.broadcast("still here")
      try await machine.wait("the mesh to go on") { nodes[1].texts(of: nodes[0].id) == ["still here"] }
      for node in nodes + both { await node.mesh.leave() }
    }
  }
}

import TestSupport
import Testing
import Warren
import WarrenLaboratory
import WarrenSimulator

@Suite("Files in a mesh")
struct MeshFileTests {
  @Test("come from behind a NAT, though a connection breaks; where none are taken they are refused")
  func file() async throws {
    let world = World(seed: 3) {
      Place.portRestricted.node("alice")
      Place.fullCone.node("bob")
      Place.public.node("carol")
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
    var random = SeededRandom(9)
    let bytes = random.bytes(3 << 20)
    try await world.run { world in
      let setting = try await PeerSetting(in: world, relays: true)
      var meshes: [Mesh] = []
      for name in ["alice", "bob", "carol"] {
        var configuration = Mesh.Configuration(mesh: "files", name: name)
        setting.configure(&configuration.peer)
        configuration.bootstraps = [.registry]
        if name != "carol" { configuration.folder = "/downloads" }
        configuration.files.policy = .everything
        world.machine(name).disk.makeFolder(at: "/downloads")
        let mesh = try Mesh(configuration, on: world.machine(name))
        try await mesh.start()
        meshes.append(mesh)
      }
      let (alice, bob, carol) = (meshes[0], meshes[1], meshes[2])
      try await alice.machine.sleep(for: .seconds(10))
      world.machine("alice").disk.put(bytes, at: "/photo.jpg")
      let transfer = try await alice.send(file: "/photo.jpg", to: bob.id)
      try await alice.machine.sleep(for: .milliseconds(300))
      await bob.connection(with: alice.id)?.close(code: 1, reason: "a cable was pulled")
      try await transfer.finished()
      #expect(world.machine("bob").disk.bytes(of: "/downloads/photo.jpg") == bytes)
      // Who takes none can send.
      world.machine("carol").disk.put([1, 2, 3], at: "/note.txt")
      try await carol.send(file: "/note.txt", to: bob.id).finished()
      #expect(world.machine("bob").disk.bytes(of: "/downloads/note.txt") == [1, 2, 3])
      let refused = try await alice.send(file: "/photo.jpg", to: carol.id)
      await #expect(throws: FileTransferError.self) { try await refused.finished() }
      for mesh in meshes { await mesh.leave() }
      await setting.close()
    }
  }
}

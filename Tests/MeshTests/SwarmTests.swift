import TestSupport
import Testing
import Warren
import WarrenSimulator

@testable import WarrenLaboratory

@Suite("Many nodes of a mesh, their cores alone")
struct SwarmTests {
  @Test(
    "all hear all once, while they lose packets, crash, come back and are cut in two", arguments: [3, 5, 20])
  func rough(nodes: Int) {
    var trial = SwarmTrial(nodes: nodes)
    trial.loss = 0.1
    trial.isRough = true
    for seed in 1...(nodes > 10 ? 2 : 6) as ClosedRange<UInt64> {
      let outcome = trial.run(seed: seed)
      #expect(outcome.faults.isEmpty, "seed \(seed): \(outcome.faults)")
      #expect(outcome.dying ?? .seconds(99) <= .seconds(5), "seed \(seed)")
    }
  }

  @Test("fifty have joined within ten seconds, and know within five who is dead")
  func fifty() {
    let outcome = SwarmTrial(nodes: 50).run(seed: 1)
    #expect(outcome.faults.isEmpty, "\(outcome.faults)")
    #expect(outcome.joining ?? .seconds(99) <= .seconds(10) && outcome.dying ?? .seconds(99) <= .seconds(5))
    #expect(outcome.links <= 10 && outcome.bytes < 100 && outcome.copies < 1.2, "\(outcome)")
  }

  @Test("nobody is taken for dead who is not, though one packet in twenty is lost")
  func nobodyDies() {
    var trial = SwarmTrial(nodes: 20)
    trial.loss = 0.05
    for seed in 1...3 as ClosedRange<UInt64> {
      let outcome = trial.idle(.seconds(1200), seed: seed)
      #expect(outcome.faults.isEmpty, "seed \(seed): \(outcome.faults)")
    }
  }

  @Test(
    "nor by those who have heard that it is suspect and not that it has contradicted",
    arguments: [(189, 810), (330, 910)] as [(UInt64, Int)])
  func contradictionMissed(seed: UInt64, seconds: Int) {
    var trial = SwarmTrial(nodes: 50)
    trial.loss = 0.05
    let outcome = trial.idle(.seconds(seconds + 5), seed: seed)
    #expect(outcome.faults.isEmpty, "\(outcome.faults)")
  }
}

@Suite("A mesh of whole nodes behind NATs")
struct WholeMeshTests {
  @Test("all find each other, hear each other once, and know who is gone", arguments: [2, 5, 9])
  func meet(nodes: Int) async throws {
    var trial = MeshTrial(nodes: nodes)
    trial.isRough = nodes > 2
    let outcome = try await trial.run(seed: 1).outcome
    #expect(outcome.faults.isEmpty, "\(outcome.faults)")
    #expect(outcome.joining ?? .seconds(99) <= .seconds(10))
    #expect(outcome.dying ?? (nodes > 2 ? .seconds(99) : .zero) <= .seconds(5))
  }

  @Test("so do those who are not connected with all")
  func rings() async throws {
    var trial = MeshTrial(nodes: 14)
    trial.fullMesh = 6
    let outcome = try await trial.run(seed: 2).outcome
    #expect(outcome.faults.isEmpty, "\(outcome.faults)")
  }
}

@Suite("A large message over a slow line")
struct SlowLineTests {
  @Test("is asked of nobody else while it comes, however long that takes")
  func slow() async throws {
    var line = LinkConfiguration(latency: .milliseconds(10))
    line.bitsPerSecond = 2_000_000
    let slow = line
    let world = World(seed: 1) {
      Server("a")
      Server("b")
      Server("c").linked(slow)
    }
    try await world.run { world in
      var meshes: [Mesh] = []
      for name in ["a", "b", "c"] {
        var configuration = Mesh.Configuration(mesh: "slow", name: name)
        configuration.peer.port = 4000
        if name != "a" {
          configuration.bootstraps = [.address(SocketAddress(world.machine("a").address(.v4), port: 4000))]
        }
        let mesh = try Mesh(configuration, on: world.machine(name))
        try await mesh.start()
        meshes.append(mesh)
      }
      let (sender, receiver) = (meshes[0], meshes[2])
      let machine = receiver.machine
      try await machine.sleep(for: .seconds(10))
      let heard = machine.spawn("the message") {
        for await event in receiver.events {
          if case .message(let message) = event, case .bytes(let bytes) = message.content {
            return bytes.count
          }
        }
        return 0
      }
      let start = machine.now
      try await sender.broadcast(bytes: [UInt8](repeating: 7, count: 8 << 20))
      #expect(try await heard.value == 8 << 20)
      // Its line carries it in 34 s, and twice would take twice as long.
      let time = start.duration(to: machine.now)
      #expect(time > .seconds(30) && time < .seconds(45), "\(time)")
      for mesh in meshes { await mesh.leave() }
    }
  }
}

@Suite("A mesh without a registry")
struct PlainAddressTests {
  @Test("needs one address to find all, whoever is behind it, and tries others meanwhile")
  func addresses() async throws {
    let world = World(seed: 1) {
      for name in ["a", "b", "c", "d"] { Server(name) }
    }
    try await world.run { world in
      var meshes: [Mesh] = []
      for (place, name) in ["a", "b", "c", "d"].enumerated() {
        var configuration = Mesh.Configuration(mesh: "plain", name: name)
        configuration.peer.port = 4000
        if place > 0 {
          // One of them is nowhere, and one of them is itself.
          let others = ["192.0.2.77:4000", "\(world.machine(name).address(.v4)):4000"]
          configuration.bootstraps = try (others + ["\(world.machine("a").address(.v4)):4000"]).map {
            .address(try SocketAddress($0))
          }
        }
        let mesh = try Mesh(configuration, on: world.machine(name))
        try await mesh.start()
        meshes.append(mesh)
      }
      try await world.machine("a").sleep(for: .seconds(10))
      for mesh in meshes {
        let neighbours = await mesh.neighbours
        #expect(neighbours.count == 3)
      }
      let last = meshes[3]
      let failures = last.machine.spawn("what fails") {
        var failed: [Mesh.Bootstrap] = []
        for await event in last.events {
          if case .bootstrapFailed(let bootstrap, _, _) = event { failed.append(bootstrap) }
        }
        return Set(failed).count
      }
      for mesh in meshes { await mesh.leave() }
      let failed = try await failures.value
      #expect(failed >= 1)
    }
  }
}

import Testing
import Warren

@Suite("The ways of a peer's connection")
struct PeerPathTests {
  private static let frame = 1_000

  /// What one says all the time until it is told to stop, and what has come of it at the other side.
  private final class Talk: @unchecked Sendable {
    // Used on the machines' executors, one after the other.
    let isOver = Guarded(false)
  }

  private static func byte(_ place: Int) -> UInt8 { UInt8(truncatingIfNeeded: place &* 7 ^ place >> 9) }

  @Test(
    "are changed by either side, in the middle of what is said, without losing a byte",
    arguments: TwoMachines.allCases)
  func prefers(world: TwoMachines) async throws {
    try await PeerScene.run(world, relays: true) { scene in
      let alice = try await scene.peer("Alice")
      let bob = try await scene.peer("Bob", on: scene.machines.bob)
      let connection = try await alice.connect(to: bob.id)
      let theirs = try await bob.nextConnection()
      let talk = Talk()
      let hearing = scene.machines.bob.spawn("what is heard") {
        var count = 0
        for await stream in theirs.incomingStreams {
          while let bytes = try await stream.read() {
            for value in bytes {
              guard value == Self.byte(count) else { return -1 }
              count += 1
            }
          }
          return count
        }
        return count
      }
      let saying = scene.machines.alice.spawn("what is said") {
        let stream = try await connection.openStream()
        var count = 0
        while !talk.isOver.withLock({ $0 }) {
          try await stream.write((count..<count + Self.frame).map(Self.byte))
          count += Self.frame
          try await alice.machine.sleep(for: .milliseconds(2))
        }
        try await stream.finish()
        return count
      }
      #expect(await connection.path.kind == .direct)
      for kind in [Path.Kind.tcp, .relayed, .direct, .tcp] {
        try await connection.prefer(kind)
        #expect(await connection.path.kind == kind)
        // The other side follows once it has no doubt of its own way any more.
        try await alice.machine.withDeadline(.seconds(10)) {
          for await path in await theirs.pathUpdates where path.kind == kind { break }
        }
      }
      try await connection.prefer(nil)
      // Who cannot change ways by itself asks the other side.
      try await theirs.prefer(.relayed)
      #expect(await theirs.path.kind == .relayed)
      try await theirs.prefer(nil)
      try await alice.machine.withDeadline(.seconds(10)) {
        for await path in await connection.pathUpdates where path.kind == .direct { break }
      }
      talk.isOver.withLock { $0 = true }
      let said = try await saying.value
      #expect(try await hearing.value == said)
      #expect(said > 100 * Self.frame)
      await alice.close()
      await bob.close()
    }
  }

  @Test(
    "are those of the latest wish: who wished before is told, and undoes nothing",
    arguments: TwoMachines.allCases)
  func latest(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice")
      let bob = try await scene.peer("Bob", on: scene.machines.bob)
      let connection = try await alice.connect(to: bob.id)
      func wish(_ kind: Path.Kind?, _ patience: Duration) -> Task<PeerError.Code?, any Error> {
        alice.machine.spawn("a wish") {
          do { try await connection.prefer(kind, patience: patience) } catch let error as PeerError {
            return error.code
          }
          return nil
        }
      }
      // There is no relay: it would be waited for until the end.
      let first = wish(.relayed, .seconds(1))
      try await alice.machine.sleep(for: .milliseconds(1))
      try await connection.prefer(.tcp)
      #expect(try await first.value == .replaced)
      try await alice.machine.sleep(for: .seconds(1))
      #expect(await connection.path.kind == .tcp)
      try await connection.prefer(nil)
      // One who wants the same has less patience, or is cancelled.
      let hasty = wish(.relayed, .milliseconds(50))
      let cancelled = wish(.relayed, .seconds(10))
      let patient = wish(.relayed, .milliseconds(500))
      try await alice.machine.sleep(for: .milliseconds(100))
      cancelled.cancel()
      #expect(try await hasty.value == .noPath)
      await #expect(throws: CancellationError.self) { try await cancelled.value }
      #expect(try await patient.value == .noPath)
      // What was so before is so again.
      try await connection.prefer(.tcp)
      #expect(try await wish(.relayed, .milliseconds(100)).value == .noPath)
      try await alice.machine.withDeadline(.seconds(10)) {
        for await path in await connection.pathUpdates where path.kind == .tcp { break }
      }
      try await alice.machine.sleep(for: .seconds(1))
      #expect(await connection.path.kind == .tcp)
      await alice.close()
      await bob.close()
    }
  }

  @Test("say that there is none of a kind, and the connection goes on", arguments: TwoMachines.allCases)
  func none(world: TwoMachines) async throws {
    try await PeerScene.run(world) { scene in
      let alice = try await scene.peer("Alice")
      let bob = try await scene.peer("Bob", on: scene.machines.bob)
      let connection = try await alice.connect(to: bob.id)
      let theirs = try await bob.nextConnection()
      let error = await #expect(throws: PeerError.self) {
        try await connection.prefer(.relayed, patience: .milliseconds(500))
      }
      #expect(error?.code == .noPath)
      try await scene.talk(connection, theirs)
      #expect(await connection.path.kind == .direct)
      let updates = await connection.pathUpdates
      await alice.close()
      // A sequence ends with its connection.
      var kinds: [Path.Kind] = []
      for await path in updates { kinds.append(path.kind) }
      #expect(kinds == [.direct])
      await #expect(throws: PeerError.self) { try await connection.prefer(.tcp) }
      await bob.close()
    }
  }
}

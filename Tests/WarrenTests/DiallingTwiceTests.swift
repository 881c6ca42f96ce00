import Testing
import Warren
import WarrenSimulator

@testable import WarrenLaboratory

@Suite("Who dials another by its name and by its key at once")
struct DiallingTwiceTests {
  @Test("has the connection that the other has, whatever is lost", arguments: [0, 0.1, 0.2])
  func twice(loss: Double) async throws {
    for seed in 1...40 as ClosedRange<UInt64> {
      let world = PeerSetting.world(of: .public, .portRestricted, loss: loss, seed: seed, keptEvents: 0)
      try await world.run { world in
        let setting = try await PeerSetting(in: world)
        let alice = try await setting.peer("alice")
        let bob = try await setting.peer("bob") { $0.policy = .everyone }
        let machine = alice.machine
        let pause = Duration.milliseconds(seed * 7 % 250)
        let byName = machine.spawn("by name") { try await alice.connect(to: "bob") }
        try await machine.sleep(for: pause)
        let byKey = try? await alice.connect(to: bob.id)
        _ = try? await byName.value
        // Whatever was lost has been said again, and who has closed what is not needed has done so.
        try await machine.sleep(for: .seconds(20))
        let one = await alice.connection(with: bob.id)
        let other = await bob.connection(with: alice.id)
        #expect((one == nil) == (other == nil), "seed \(seed): only one of them has a connection")
        if loss == 0 {
          #expect(one != nil && one === byKey, "seed \(seed): the connection that was given is gone")
        }
        if let one, let other {
          let answering = bob.machine.spawn("an answer") {
            for await stream in other.incomingStreams {
              try await stream.write(try await stream.read() ?? [])
              return try await stream.finish()
            }
          }
          let stream = try await one.openStream()
          try await stream.write([UInt8(truncatingIfNeeded: seed)])
          let answer = try await machine.withDeadline(.seconds(10)) { try await stream.read() }
          #expect(answer == [UInt8(truncatingIfNeeded: seed)], "seed \(seed): each has another connection")
          try await answering.value
        }
        await alice.close()
        await bob.close()
        await setting.close()
      }
    }
  }
}

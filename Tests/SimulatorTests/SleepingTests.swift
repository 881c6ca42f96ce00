import TestSupport
import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("A machine that sleeps")
struct SleepingTests {
  @Test("stands still: its clock, its timers and what waits, while the time of day goes on")
  func standsStill() async throws {
    let world = World(seed: 1) {
      Machine("laptop")
      Machine("other")
    }
    try await world.run { world in
      let (laptop, other) = (world.machine("laptop"), world.machine("other"))
      let (start, day, begun) = (laptop.now, laptop.timeSince1970, world.now)
      let task = laptop.spawn("a nap") { try await laptop.sleep(for: .seconds(10)) }
      try await other.sleep(for: .seconds(4))
      laptop.fallAsleep(for: .seconds(600))
      try await other.sleep(for: .seconds(300))
      #expect(laptop.isAsleep && start.duration(to: laptop.now) == .seconds(4))
      try await task.value
      #expect(!laptop.isAsleep && start.duration(to: laptop.now) == .seconds(10))
      #expect(begun.duration(to: world.now) == .seconds(610))
      #expect(laptop.timeSince1970 - day == .seconds(610))
      // What is set anew goes by the new clock.
      try await laptop.sleep(for: .seconds(1))
      #expect(begun.duration(to: world.now) == .seconds(611))
    }
  }

  @Test("gets nothing that is sent to it meanwhile, and what is sent afterwards")
  func hearsNothing() async throws {
    let world = World(seed: 1) {
      Machine("laptop")
      Machine("other")
    }
    try await world.run { world in
      let (laptop, other) = (world.machine("laptop"), world.machine("other"))
      let echo = EchoServer(on: laptop)
      let address = SocketAddress(laptop.address(), port: try await echo.start().port)
      let client = EchoClient(on: other)
      _ = try await client.call(address, with: [1])
      laptop.fallAsleep(for: .seconds(10))
      await #expect(throws: DeadlineExceeded.self) {
        _ = try await client.call(address, with: [2], within: .seconds(5))
      }
      try await other.sleep(for: .seconds(6))
      #expect(try await client.call(address, with: [3]).bytes == [3])
      await client.close()
      await echo.stop()
    }
  }
}

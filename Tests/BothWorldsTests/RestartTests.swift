import TestSupport
import Testing
import Warren
import WarrenSimulator

@Suite("A hole puncher that begins anew")
struct RestartTests {
  @Test("has a way all the while, and a new one soon", arguments: TwoMachines.allCases, [false, true])
  func restarts(world: TwoMachines, both: Bool) async throws {
    try await world.run { pair in
      var configuration = PunchConfiguration()
      configuration.families = [.v4]
      configuration.usesLoopback = world == .local
      let (a, b) = HolePuncher.pair(on: pair.alice, pair.bob, configuration)
      try await a.start()
      try await b.start()
      let (one, other) = (try await a.connection(), try await b.connection())
      for _ in 0..<3 {
        try await pair.alice.sleep(for: .milliseconds(300))
        let names = (await a.credentials, await b.credentials)
        await a.restart()
        if both { await b.restart() }
        for number in 0..<40 {
          try await pair.alice.sleep(for: .milliseconds(10))
          let paths = (await a.selectedPath, await b.selectedPath)
          #expect(paths.0 != nil && paths.1 != nil)
          try await one.send([UInt8(number)])
          try await other.send([UInt8(number)])
        }
        let newNames = (await a.credentials, await b.credentials)
        #expect(newNames.0 != names.0 && newNames.1 != names.1)
        let open = (await a.paths.count, await b.paths.count)
        #expect(open.0 > 0 && open.1 > 0)
      }
      var heard = 0
      for await _ in one.datagrams {
        heard += 1
        if heard == 120 { break }
      }
      await a.close()
      await b.close()
    }
  }
}

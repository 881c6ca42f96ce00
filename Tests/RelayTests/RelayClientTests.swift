import TestSupport
import Testing
import Warren
import WarrenSimulator

@testable import WarrenRelay

@Suite("A relay's client")
struct RelayClientTests {
  private typealias Script = ScriptedRelayCore.Script

  @Test("takes the first relay that answers, and gives back what others give later")
  func race() async throws {
    try await RelayWorld.simulated.run { scene in
      var relays: [ScriptedRelay] = []
      var servers: [RelayServerAddress] = []
      for number in 0..<4 {
        var script = Script()
        script.isSilent = number == 0
        let relay = ScriptedRelay(on: number == 2 ? scene.peer : scene.server, script)
        let ip = number == 2 ? scene.peerIP(.v4) : scene.serverIP(.v4)
        servers.append(
          RelayedSocketTests.server(
            try await relay.start(at: SocketAddress(ip, port: 0)),
            password: number == 1 ? "wrong" : "open sesame"))
        relays.append(relay)
      }
      let began = scene.client.now
      let socket = try await RelayClient.allocate(at: servers, on: scene.client)
      // 250 ms for the silent one, two round trips for the wrong password, two more for the third.
      let taken = began.duration(to: scene.client.now)
      #expect(taken > .milliseconds(250) && taken < .milliseconds(650), "\(taken)")
      #expect(socket.server == servers[2])
      socket.close()
      try await scene.client.sleep(for: .seconds(10))
      for relay in relays {
        #expect(await relay.core.allocations.isEmpty)
        await relay.stop()
      }
    }
  }

  @Test("says the most telling of several errors, and which each is alone")
  func errors() async throws {
    try await RelayWorld.simulated.run { scene in
      let relay = ScriptedRelay(on: scene.server)
      let address = try await relay.start(at: SocketAddress(scene.serverIP(.v4), port: 0))
      // Somebody is there, and nobody answers.
      let quiet = Probe(on: scene.peer)
      try await quiet.bind(.any(.v4, port: 3478))
      let silent = RelayServerAddress(host: "\(scene.peerIP(.v4))", username: "a", password: "b")
      var closed = silent
      closed.port = 3479
      let absent = SocketAddress(scene.peerIP(.v4), port: 3479)
      let wrong = RelayedSocketTests.server(address, password: "wrong")
      var refused = silent
      refused.transport = .tcp
      let unknown = RelayServerAddress(host: "nobody.invalid")
      for (servers, code) in [
        ([silent], RelayError.Code.silent), ([closed], .network(.connectionRefused(absent))),
        ([wrong], .wrongPassword),
        ([silent, wrong, refused], .wrongPassword),
        ([], .noServers), ([unknown], .network(.nameNotFound("nobody.invalid"))),
        ([refused], .network(.connectionRefused(SocketAddress(scene.peerIP(.v4), port: 3478)))),
      ] {
        let error = await #expect(throws: RelayError.self) {
          _ = try await RelayClient.allocate(at: servers, on: scene.client)
        }
        #expect(error?.code == code)
      }
      await relay.stop()
      await quiet.close()
    }
  }

  @Test("goes where it is sent, and not in circles")
  func redirected() async throws {
    try await RelayWorld.simulated.run { scene in
      let (first, second) = (ScriptedRelay(on: scene.server), ScriptedRelay(on: scene.peer))
      let here = try await first.start(at: SocketAddress(scene.serverIP(.v4), port: 0))
      let there = try await second.start(at: SocketAddress(scene.peerIP(.v4), port: 0))
      await first.change { $0.script.alternate = there }
      let socket = try await RelayClient.allocate(at: [RelayedSocketTests.server(here)], on: scene.client)
      #expect(socket.relay == there)
      socket.close()
      await second.change { $0.script.alternate = here }
      let error = await #expect(throws: RelayError.self) {
        _ = try await RelayClient.allocate(at: [RelayedSocketTests.server(here)], on: scene.client)
      }
      #expect(error?.code == .redirectedTooOften)
      try await scene.client.sleep(for: .seconds(10))
      await first.stop()
      await second.stop()
    }
  }

  @Test("tries another port where one is another client's, three at most")
  func mismatch() async throws {
    try await RelayWorld.simulated.run { scene in
      let relay = ScriptedRelay(on: scene.server)
      let address = try await relay.start(at: SocketAddress(scene.serverIP(.v4), port: 0))
      await relay.change { $0.script.refusals[.allocate] = Array(repeating: .allocationMismatch, count: 2) }
      let socket = try await RelayClient.allocate(at: [RelayedSocketTests.server(address)], on: scene.client)
      socket.close()
      await relay.change { $0.script.refusals[.allocate] = Array(repeating: .allocationMismatch, count: 3) }
      let error = await #expect(throws: RelayError.self) {
        _ = try await RelayClient.allocate(at: [RelayedSocketTests.server(address)], on: scene.client)
      }
      #expect(error?.code == .mismatch)
      try await scene.client.sleep(for: .seconds(10))
      #expect(await relay.core.allocations.isEmpty)
      await relay.stop()
    }
  }

  @Test("gives back what comes when nobody waits any more")
  func cancelled() async throws {
    try await RelayWorld.simulated.run { scene in
      let relay = ScriptedRelay(on: scene.server)
      let address = try await relay.start(at: SocketAddress(scene.serverIP(.v4), port: 0))
      for delay in stride(from: 0, through: 200, by: 10) {
        let task = scene.client.spawn("asking") {
          try await RelayClient.allocate(at: [RelayedSocketTests.server(address)], on: scene.client)
        }
        try await scene.client.sleep(for: .milliseconds(delay))
        task.cancel()
        if let socket = try? await task.value { socket.close() }
        try await scene.client.sleep(for: .seconds(10))
        #expect(await relay.core.allocations.isEmpty, "after \(delay) ms")
      }
      await relay.stop()
    }
  }

  @Test("ends with an address or the right error through any loss, and leaves no second allocation")
  func storms() async throws {
    var ends: [String: Int] = [:]
    for seed in 1...1000 as ClosedRange<UInt64> { ends[try await storm(seed), default: 0] += 1 }
    // Each of them has happened, and often.
    for end in ["allocated", "wrong", "silent"] { #expect(ends[end, default: 0] > 20, "\(ends)") }
  }

  /// - Returns: how it has ended.
  private func storm(_ seed: UInt64) async throws -> String {
    var random = SeededRandom(seed)
    var link = LinkConfiguration(latency: .milliseconds(20))
    link.loss = [0, 0.1, 0.3, 0.6].randomElement(using: &random)!
    link.duplication = [0, 0.3].randomElement(using: &random)!
    link.reordering = [0, 0.3].randomElement(using: &random)!
    link.reorderingDelay = .milliseconds(700)
    var script = Script()
    script.nonceUses = [1, 2, Int.max].randomElement(using: &random)!
    let isWrong = Int.random(in: 0..<5, using: &random) == 0
    let (final, isClean) = (script, link.loss == 0)
    nonisolated(unsafe) var end = ""
    try await RelayWorld.simulate(seed: seed, link: link) { scene in
      let relay = ScriptedRelay(on: scene.server, final)
      let address = try await relay.start(at: SocketAddress(scene.serverIP(.v4), port: 0))
      let server = RelayedSocketTests.server(address, password: isWrong ? "wrong" : "open sesame")
      var live = 0
      do {
        let socket = try await RelayClient.allocate(at: [server], on: scene.client)
        try await scene.client.sleep(for: .seconds(10))
        live = await relay.core.allocations.count
        end = "allocated"
        #expect(live == 1 && !isWrong, "seed \(seed)")
        socket.close()
        if isClean {
          try await scene.client.sleep(for: .seconds(10))
          #expect(await relay.core.allocations.isEmpty, "seed \(seed)")
        }
      } catch let error as RelayError {
        end = error.code == .wrongPassword ? "wrong" : "silent"
        #expect(
          isWrong ? error.code == .wrongPassword || error.code == .silent : error.code == .silent,
          "seed \(seed): \(error)")
      }
      await relay.stop()
    }
    return end
  }
}

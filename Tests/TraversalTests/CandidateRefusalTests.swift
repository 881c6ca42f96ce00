import Testing
import Warren
import WarrenSimulator

@Suite("Candidates that cannot be another machine's")
struct CandidateRefusalTests {
  private static let hostile: [(String, UInt16, CandidateRefusal)] = [
    ("203.0.113.9", 0, .noPort), ("0.0.0.0", 9, .unspecified), ("::", 9, .unspecified),
    ("224.0.0.1", 9, .multicast), ("ff02::1", 9, .multicast), ("255.255.255.255", 9, .broadcast),
    ("127.0.0.1", 9, .loopback), ("::1", 9, .loopback), ("::ffff:203.0.113.9", 9, .disguised),
  ]

  @Test("are refused with a reason, counted, and sent nothing", arguments: [false, true])
  func refused(trickled: Bool) async throws {
    let world = World(seed: 1) { Server("alice") }
    try await world.run { world in
      let alice = world.machine("alice")
      var configuration = PunchConfiguration()
      configuration.transports = [.udp, .tcp]
      let puncher = HolePuncher(on: alice, role: .controlling, configuration)
      try await puncher.start()
      var candidates: [Candidate] = []
      for (text, port, _) in Self.hostile {
        for transport in [Candidate.Transport.udp, .tcpPassive] {
          candidates.append(
            Candidate(
              .host, over: transport, at: SocketAddress(try IPAddress(text), port: port), priority: 1,
              foundation: "1"))
        }
      }
      var description = ICEDescription(usernameFragment: "them", password: "aPasswordOfTheirs123456")
      if !trickled { description.candidates = candidates }
      await puncher.receive(PunchSignal(.description(description)))
      if trickled {
        for candidate in candidates { await puncher.receive(PunchSignal(.candidate(candidate))) }
      }
      try await alice.sleep(for: .seconds(10))

      let refusals = await puncher.counters.refusals
      #expect(refusals.total == candidates.count)
      for reason in CandidateRefusal.allCases {
        #expect(refusals[reason] == 2 * Self.hostile.count { $0.2 == reason }, "\(reason)")
        #expect(!reason.description.isEmpty)
      }
      #expect(await puncher.traffic.packets == 0)
      await puncher.close()
    }
    // Not one packet left the machine, to whomever.
    let sent = world.trace.events.filter { if case .sent = $0.happening { true } else { false } }
    #expect(sent.isEmpty)
  }
}

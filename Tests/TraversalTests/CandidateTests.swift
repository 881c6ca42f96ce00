import Testing
import Warren

@Suite("A candidate")
struct CandidateTests {
  @Test("has the priority that the RFC's formula gives")
  func priority() {
    // RFC 8445, 5.1.2: 2^24 times the kind's preference, 2^8 times the local one, 256 less the component.
    #expect(Candidate.priority(.host, localPreference: 65_535) == 126 << 24 + 65_535 << 8 + 255)
    #expect(Candidate.priority(.serverReflexive, localPreference: 0, component: 2) == 100 << 24 + 254)
    #expect(Candidate.priority(.relayed, localPreference: 1) == 1 << 8 + 255)
  }

  @Test(
    "over TCP comes after every one over UDP of its kind, and who can connect at once comes first behind NATs"
  )
  func tcp() {
    let udp = Candidate.priority(.serverReflexive, localPreference: 0)
    let all = [Candidate.Transport.tcpSimultaneousOpen, .tcpActive, .tcpPassive].map {
      Candidate.priority(.serverReflexive, $0, localPreference: 65_535)
    }
    #expect(all.allSatisfy { $0 < udp })
    #expect(all == all.sorted(by: >))
  }
}

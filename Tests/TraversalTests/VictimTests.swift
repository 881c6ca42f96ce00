import TestSupport
import Testing
import Warren
import WarrenSimulator

/// Mallory is a peer like any other, with credentials of her own, and names a victim's address wherever she can name
/// one. Bob was told by somebody trusted where mallory is, and that alone.
@Suite("A peer who aims us at a victim")
struct VictimTests {
  /// What she tries.
  enum Attack: CaseIterable {
    /// A victim's address as a candidate, at as many ports as she likes, over UDP and TCP.
    case candidates
    /// The same one by one.
    case trickle
    /// A search for a port of the victim's.
    case search
    /// Checks in the victim's name.
    case spoofedChecks
    /// A machine in bob's own network, of which she has heard.
    case neighbour
    /// All of it.
    case everything
  }

  /// What reached the victim, and what she sent for it, in bytes with headers.
  private final class Count: @unchecked Sendable {
    // Used on the world's thread alone.
    var victim = 0
    var mallory = 0
  }

  @Test(
    "gets no packet to it that it did not pay for with a third of its bytes", arguments: Attack.allCases,
    1...5 as ClosedRange<UInt64>)
  func reach(attack: Attack, seed: UInt64) async throws {
    let world = World(seed: seed) {
      NAT("home", .fullCone) {
        Machine("bob")
        Machine("neighbour")
      }
      Machine("mallory")
      Machine("victim")
    }
    try await world.run { world in
      let (bob, mallory) = (world.machine("bob"), world.machine("mallory"))
      let count = Count()
      for name in ["victim", "neighbour"] {
        let victim = world.machine(name)
        let address = victim.address()
        victim.eavesdrop { packet in
          if packet.destination.ip == address { count.victim += packet.size }
        }
      }
      var configuration = PunchConfiguration()
      configuration.trust = .attested
      configuration.transports = [.udp, .tcp]
      configuration.portModel = PortModel()
      let puncher = HolePuncher(on: bob, role: .controlled, configuration)
      try await puncher.start()
      let attacker = Attacker(world, puncher, count, try #require(await puncher.firstDescription))
      try await attacker.perform(attack)
      try await mallory.sleep(for: .seconds(60))
      #expect(count.mallory > 0)
      #expect(count.victim <= 3 * count.mallory, "\(count.victim) bytes for \(count.mallory)")
      switch attack {
      case .candidates, .trickle, .search: #expect(count.victim == 0)
      // Else these would prove nothing.
      case .spoofedChecks, .neighbour, .everything: #expect(count.victim > 0)
      }
      await puncher.close()
    }
  }

  private struct Attacker {
    let mallory: SimulatedMachine
    let victim: IPAddress
    let neighbour: IPAddress
    let bob: SocketAddress
    let puncher: HolePuncher
    let count: Count
    let ours: ICEDescription
    /// With this name it is she who plans searches.
    let own = ICEDescription(usernameFragment: "++++", password: "aPasswordOfMallorysOwn")

    init(_ world: World, _ puncher: HolePuncher, _ count: Count, _ ours: ICEDescription) {
      mallory = world.machine("mallory")
      victim = world.machine("victim").address()
      neighbour = world.machine("neighbour").address()
      // His NAT keeps ports.
      bob = SocketAddress(world.box("home").outsideAddress, port: ours.candidates[0].address.port)
      self.puncher = puncher
      self.count = count
      self.ours = ours
    }

    /// Signals cost what the puncher takes them to cost.
    private func signal(_ signal: PunchSignal) async {
      count.mallory += signal.encoded.count
      await puncher.receive(signal, attested: [mallory.address()])
    }

    private func candidates(at ip: IPAddress) -> [Candidate] {
      (1000..<1064).map { (number: UInt16) -> Candidate in
        let transport: Candidate.Transport = number % 2 == 0 ? .udp : .tcpPassive
        return Candidate(
          .serverReflexive, over: transport, at: SocketAddress(ip, port: number), priority: UInt32(number),
          foundation: "\(number)")
      }
    }

    func perform(_ attack: Attack) async throws {
      var description = own
      switch attack {
      case .candidates: description.candidates = candidates(at: victim)
      case .neighbour: description.candidates = candidates(at: neighbour)
      case .everything: description.candidates = candidates(at: neighbour).prefix(20) + candidates(at: victim)
      case .trickle, .search, .spoofedChecks: break
      }
      // Her own, so that bob's NAT has a mapping.
      description.candidates.insert(
        Candidate(.host, at: SocketAddress(mallory.address(), port: 9), priority: 5, foundation: "own"), at: 0
      )
      await signal(PunchSignal(.description(description)))
      try await mallory.sleep(for: .milliseconds(200))
      if attack == .trickle || attack == .everything {
        for candidate in candidates(at: victim) { await signal(PunchSignal(.candidate(candidate))) }
      }
      if attack == .search || attack == .everything { await search() }
      if attack == .spoofedChecks || attack == .everything { try await spoof() }
    }

    /// A model of ports at the victim's address, and a plan that has bob probe them, or open mappings towards them.
    private func search() async {
      let sample = PortSample(
        localPort: 4000, outside: SocketAddress(victim, port: 4000),
        remote: SocketAddress(victim, port: 3478),
        sent: Instant(nanoseconds: 0))
      guard let model = PortModel(fitting: [sample]) else { return }
      await signal(PunchSignal(.ports(PortReport(model: model))))
      for party in SearchPlan.Party.allCases {
        for method in SearchPlan.Method.allCases {
          let plan = SearchPlan(method, opener: party, profile: .fast, model: model, seed: 1)
          await signal(PunchSignal(.search(plan, round: 0)))
        }
      }
    }

    /// Checks that are as they should be, but come from the victim if one believes their source.
    private func spoof() async throws {
      for number in 0..<50 {
        var check = STUNMessageWriter()
        var random = mallory.random
        check.begin(.request, .binding, TransactionID(using: &random))
        check.add(.username, "\(ours.usernameFragment):\(own.usernameFragment)")
        check.add(.priority, UInt32(100_000))
        check.add(.iceControlling, UInt64(1))
        if number % 2 == 0 { check.add(.useCandidate) }
        check.sign(with: STUNKey(password: ours.password), .sha1)
        check.addFingerprint()
        let packet = Packet(
          from: SocketAddress(victim, port: 2000 + UInt16(number % 5)), to: bob, .udp(Payload(check.copy)))
        count.mallory += packet.size
        mallory.forge(packet)
        try await mallory.sleep(for: .milliseconds(20))
      }
    }
  }
}

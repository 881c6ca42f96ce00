import CBareQUIC
import Warren
import WarrenLaboratory
import WarrenSimulator

/// Simulated peers behind NATs that connect with each other, and others that do nothing.
enum SimulatedPeers {
  private struct Count: Sendable {
    var connects = 0
    var hops = 0
    var seconds = 0.0
  }

  /// Peers of one world that the registry knows, each behind a NAT of its own.
  private static func world(of count: Int) -> World {
    var configuration = World.Configuration()
    configuration.keptEvents = 0
    return World(seed: 1, configuration: configuration) {
      for index in 0..<count { Machine("peer \(index)").behind(.portRestrictedCone) }
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
  }

  private static func register(_ count: Int, in world: World) async throws -> (PeerSetting, [Peer]) {
    let setting = try await PeerSetting(in: world)
    let atOnce = 50
    var peers: [Peer] = []
    for first in stride(from: 0, to: count, by: atOnce) {
      peers += try await withThrowingTaskGroup(of: (Int, Peer).self) { group in
        for index in first..<min(count, first + atOnce) {
          group.addTask { (index, try await setting.peer("peer \(index)") { $0.policy = .everyone }) }
        }
        return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
      }
    }
    return (setting, peers)
  }

  // MARK: Connecting

  /// Each peer connects once with each other one, all at a time that can: what a NAT has let in before helps nobody.
  ///
  /// A connect is one call of `Peer.connect(to:)` and all that follows from it: the introduction by the registry, the packets of both
  /// sides that open the NATs, the QUIC handshake until each side has taken the other's key, straight from NAT to NAT, and the
  /// connection's end on both sides. What a connection costs that stays is not among it: a spare way, probes, signs of life.
  static func connects() async throws {
    let count = 40
    let world = world(of: count)
    let all = try await world.run { world in
      let (_, peers) = try await register(count, in: world)
      let taken = Guarded(0)
      for peer in peers {
        peer.machine.spawn("counting") {
          for await _ in peer.connections { taken.withLock { $0 += 1 } }
        }
      }
      var all = Count()
      let (hops, start) = (world.hops, processSeconds())
      for round in 0..<count - 1 {
        all.connects += try await withThrowingTaskGroup(of: Bool.self) { group in
          for (one, other) in pairs(of: peers, in: round) {
            group.addTask {
              let connection = try await one.connect(to: other.id)
              try await connection.taken()
              let isStraight = await connection.path.kind == .direct
              await connection.close()
              return isStraight
            }
          }
          return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        // A connection's end is on its way.
        try await world.machine("registry").sleep(for: .seconds(1))
      }
      all.seconds = processSeconds() - start
      all.hops = world.hops - hops
      let arrived = taken.withLock { $0 }
      precondition(all.connects == arrived, "\(arrived) connections have come, of \(all.connects)")
      return all
    }
    precondition(all.connects == count * (count - 1) / 2, "only \(all.connects) connections went straight")
    let (rate, bare) = (Double(all.connects) / all.seconds, try bareHandshakes())
    print(
      "simulated connects: registry, punching through two NATs, QUIC on both sides, and the end; one core")
    print("  connects/s               \(Int(rate))   \(ratio(rate, 500)) of 500 (aim: 1)")
    print("  bare handshakes/s        \(Int(bare))   ngtcp2 and GnuTLS alone, both sides, no network")
    print("  of bare handshakes       \(ratio(rate, bare))")
    print(
      "  hops/s                   \(perSecond(all.hops, all.seconds))   \(all.hops / all.connects) a connect")
  }

  /// Who meets whom in a round, so that after `count - 1` of them each has met each other one: the first stays, the rest go round.
  private static func pairs(of peers: [Peer], in round: Int) -> [(Peer, Peer)] {
    let rest = peers.count - 1
    func place(_ seat: Int) -> Int { seat == 0 ? 0 : (seat - 1 + round) % rest + 1 }
    return (0..<peers.count / 2).map { (peers[place($0)], peers[place(peers.count - 1 - $0)]) }
  }

  private static func bareHandshakes() throws -> Double {
    let count = 2000
    var (seconds, cpu) = (0.0, 0.0)
    precondition(
      bare_quic_handshakes(Int32(count), &seconds, &cpu) == 0, "ngtcp2 alone does not get through a handshake"
    )
    return Double(count) / cpu
  }

  // MARK: Idling

  /// Peers that the registry knows, and that nobody wants anything of, from the moment that all are there.
  static func idle() async throws {
    let count = 1000
    let time = 300
    let world = world(of: count)
    let (seconds, hops) = try await world.run { world in
      let (_, peers) = try await register(count, in: world)
      let (hops, start) = (world.hops, processSeconds())
      try await world.machine("registry").sleep(for: .seconds(time))
      let seconds = processSeconds() - start
      return withExtendedLifetime(peers) { (seconds, world.hops - hops) }
    }
    let rate = Double(time) / seconds
    print("\(count) simulated peers, registered from behind NATs, idle for \(time) s of theirs; one core")
    print("  their seconds a second   \(ratio(rate, 1))   \(ratio(rate, 100)) of 100 (aim: 1)")
    print(
      "  hops/s                   \(perSecond(hops, seconds))   \(ratio(Double(hops), Double(time * count))) a peer and second of theirs"
    )
  }
}

import WarrenMachine
import WarrenSimulator

/// A random NAT under random traffic, all drawn from one seed.
struct NATScript {
  let configuration: NATConfiguration
  var laboratory: NATLaboratory
  private var random: SimulatorRandom
  /// Whether no flow rests for so long that it ends, and no table is ever full.
  private let isSteady: Bool

  init(seed: UInt64, isSteady: Bool = false) {
    random = SimulatorRandom(seed: seed, stream: "script")
    configuration = NATScript.configuration(&random, isSteady: isSteady)
    let pool = Array(NATLaboratory.pool.prefix(1 + random.below(4)))
    laboratory = NATLaboratory(configuration, outside: pool, seed: seed)
    self.isSteady = isSteady
  }

  /// Does something: a packet from inside, a stranger's from outside, or a pause before the next.
  ///
  /// - Returns: what was sent from inside and how it looked outside, if it got there.
  @discardableResult
  mutating func step() -> (sent: Packet, arrived: Packet)? {
    let pause = random.chance(isSteady ? 0 : 0.02) ? 200_000 : random.below(isSteady ? 90 : 200)
    laboratory.wait(.milliseconds(pause))
    guard random.chance(0.7) else {
      laboratory.put(strangersPacket(), from: .outside)
      return nil
    }
    let packet = insidersPacket()
    laboratory.put(packet, from: .inside)
    return laboratory.packets(toward: .outside).first { $0.destination == packet.destination }
      .map { (packet, $0) }
  }

  private mutating func insidersPacket() -> Packet {
    let source = NATLaboratory.x1.advanced(by: UInt64(random.below(3))).port(UInt16(5000 + random.below(4)))
    let remote = remote()
    switch random.below(6) {
    case 0: return Packet(from: source, to: remote, .tcp(TCPSegment(.syn, sequence: 9)))
    case 1:
      let remote = SocketAddress(remote.ip, port: 0)
      return Packet(from: source, to: remote, .icmp(.echoRequest(sequence: 1, .empty)))
    default: return .udp(source, remote)
    }
  }

  private mutating func strangersPacket() -> Packet {
    let place = laboratory.nat.outside[random.below(laboratory.nat.outside.count)]
    let remote = remote()
    let destination = place.port(UInt16(5000 + random.below(4)))
    let packet = Packet.udp(remote, destination)
    switch random.below(4) {
    case 0: return Packet(from: remote, to: destination, .tcp(TCPSegment(.syn, sequence: 9)))
    case 1:
      return Packet.udp(remote, destination, String(repeating: "x", count: 60)).cut(after: 40)[
        random.below(2)]
    case 2: return Packet.udp(destination, remote).failure(.portUnreachable, reportedBy: remote.ip) ?? packet
    default: return packet
    }
  }

  private mutating func remote() -> SocketAddress {
    NATLaboratory.y.advanced(by: UInt64(random.below(3))).port([53, 1111, 2222][random.below(3)])
  }

  private static func configuration(_ random: inout SimulatorRandom, isSteady: Bool) -> NATConfiguration {
    let all = NATConfiguration.Dependence.allCases
    var made = NATConfiguration()
    made.mapping = all[random.below(3)]
    made.filtering = all[random.below(3)]
    made.pooling = random.chance(0.5) ? .paired : .arbitrary
    made.keepsPort = random.chance(0.5)
    made.portChoice = random.chance(0.5) ? .random : .sequential(step: 1 + random.below(4))
    made.keepsParity = random.chance(0.3)
    made.overloadsPorts = random.chance(0.3)
    made.portBlock = random.chance(0.2) ? .init(size: 64 << random.below(4)) : nil
    made.unsolicited = [.drop, .reject, .accept][random.below(3)]
    made.unsolicitedSYN = [.drop, .reset, .rejectLater][random.below(3)]
    made.translates = random.chance(0.9)
    if random.chance(0.3) { made.lifetimes.udpUnreplied = .seconds(30) }
    if isSteady { return made }
    made.degradation = [.never, .onCollision, .beyond(mappings: 5)][random.below(3)]
    if random.chance(0.3) { made.lifetimes.absolute = .seconds(50)...(.seconds(75)) }
    if random.chance(0.3) { made.lifetimes.filter = .seconds(20) }
    if random.chance(0.3) { made.mappingLimit = 3 + random.below(10) }
    if random.chance(0.3) { made.mappingLimitPerHost = 1 + random.below(5) }
    made.whenFull = random.chance(0.5) ? .dropNew : .evictLeastRecentlyUsed
    if random.chance(0.2) { made.newMappingsPerSecond = 1 + random.below(10) }
    made.forgetsResetConnections = random.chance(0.2)
    made.errorsEndMappings = random.chance(0.2)
    return made
  }
}

import WarrenMachine

/// One direction of a link: decides for each packet whether and when it arrives.
public struct Link: Sendable {
  /// How it carries packets; may be changed at any time.
  public var configuration: LinkConfiguration {
    didSet { isIdeal = configuration.isIdeal }
  }

  private(set) var isIdeal: Bool
  private var random: SimulatorRandom
  private var isInBurst = false
  /// When the last packet that was taken will have left.
  private var busyUntil = Instant(nanoseconds: 0)
  private var latestArrival = Instant(nanoseconds: 0)

  /// What becomes of a packet.
  public enum Fate: Hashable, Sendable {
    case arrives(at: Instant)
    case arrivesTwice(at: Instant, and: Instant)
    case lost(DropCause)
  }

  /// Why a packet was lost on a link.
  public enum DropCause: String, Hashable, Sendable {
    case down = "the link is down"
    case loss = "lost on the link"
    case burst = "lost in a burst"
    case queueFull = "the link's queue is full"
    case corrupted = "its checksum is wrong"
  }

  /// A link with chance of its own.
  public init(_ configuration: LinkConfiguration, random: SimulatorRandom) {
    self.configuration = configuration
    self.random = random
    isIdeal = configuration.isIdeal
  }

  /// How many bytes wait to leave.
  public func backlog(at now: Instant) -> Int {
    guard let rate = configuration.bitsPerSecond, rate > 0, busyUntil > now else { return 0 }
    return Int(Double(busyUntil.nanoseconds - now.nanoseconds) * Double(rate) / 8e9)
  }

  /// When no more than `bytes` will wait to leave.
  public func backlogFalls(to bytes: Int) -> Instant {
    guard let rate = configuration.bitsPerSecond, rate > 0 else { return busyUntil }
    return Instant(nanoseconds: busyUntil.nanoseconds - transmissionTime(of: bytes, at: rate))
  }

  /// Takes a packet of `size` bytes.
  public mutating func carry(_ size: Int, at now: Instant) -> Fate {
    guard configuration.isUp else { return .lost(.down) }
    if let cause = chanceOfLoss() { return .lost(cause) }

    var departure = now
    if let rate = configuration.bitsPerSecond {
      guard rate > 0 else { return .lost(.down) }
      guard backlog(at: now) + size - configuration.mtu <= configuration.queueBytes else {
        return .lost(.queueFull)
      }
      departure = max(now, busyUntil)
      departure = Instant(nanoseconds: departure.nanoseconds + transmissionTime(of: size, at: rate))
      busyUntil = departure
    }

    let arrival = arrival(of: departure)
    guard random.chance(configuration.duplication) else { return .arrives(at: arrival) }
    return .arrivesTwice(at: arrival, and: self.arrival(of: departure))
  }

  /// Whether the bytes of a packet that arrives are not those that were sent.
  mutating func spoils() -> Bool { random.chance(configuration.corruption) }

  /// What becomes of such a packet; nil where nobody would take it any more.
  mutating func spoil(_ packet: Packet) -> Packet? {
    guard case .udp(let payload) = packet.content, payload.count > 0 else { return nil }
    var (bytes, packet) = (payload.bytes, packet)
    bytes[random.below(bytes.count)] ^= UInt8(1 + random.below(255))
    packet.content = .udp(Payload(bytes))
    return packet
  }

  private mutating func chanceOfLoss() -> DropCause? {
    if let burst = configuration.burstLoss {
      isInBurst = isInBurst ? !random.chance(burst.ends) : random.chance(burst.begins)
      if isInBurst, random.chance(burst.loss) { return .burst }
    }
    return random.chance(configuration.loss) ? .loss : nil
  }

  private mutating func arrival(of departure: Instant) -> Instant {
    var time = departure.advanced(by: configuration.latency)
    let jitter = configuration.jitter.wholeNanoseconds
    if jitter > 0 { time = time.advanced(by: .nanoseconds(Int64(random.unit() * Double(jitter)))) }
    if random.chance(configuration.reordering) {
      // Held up, and the others need not wait for it.
      return time.advanced(by: configuration.reorderingDelay)
    }
    // A network delivers in order what it does not mean to reorder, however its delay varies.
    latestArrival = max(latestArrival, time)
    return latestArrival
  }

  private func transmissionTime(of bytes: Int, at rate: Int) -> Int64 {
    Int64(Double(bytes) * 8e9 / Double(rate))
  }
}

import WarrenMachine

/// What both sides of a search agree on: who opens mappings, who probes ports, how fast, in which order, how long.
///
/// **The schedule.** The opening side's n-th packet leaves at n / ``openRate`` seconds. As long as it has sockets
/// left, each packet is the first of a new one, to the prober's address: it never sends twice from one while it can
/// open another. Then it sends again from all, the oldest first. The probing side's n-th packet leaves at
/// n / ``probeRate`` and goes to the n-th port of ``ports(_:)``, never to one twice before the pass is over.
///
/// Why so: with h mappings and r probes a second, the first packet of a mapping whose port was probed already
/// passes the prober's filter, and the probe of a port that was opened already passes the opener's. So every pair
/// of mapping and equal probe is a hit, whichever came first: h r t² / N of them by the time t, twice what is found
/// if only later probes count. A packet that is sent again finds nothing but pairs whose packet was lost, one in
/// twenty; a new mapping finds twenty times as much. So new ones come first, and what the budget leaves after the
/// last goes to what was lost.
public struct SearchPlan: Hashable, Sendable {
  /// How the port is found.
  public enum Method: UInt8, Hashable, Sendable, CaseIterable {
    /// Few ports that are likely.
    case predict
    /// Many mappings and many probes.
    case birthday
    /// Every port.
    case exhaustive
    /// Few ports that are likely, on both sides: each probes for the other's.
    case meet
  }

  /// The two who agree.
  public enum Party: UInt8, Hashable, Sendable, CaseIterable {
    /// Who sent the plan.
    case proposer
    /// Who got it.
    case accepter
  }

  /// How the port is found.
  public var method: Method
  /// Who opens mappings; the other one probes.
  public var opener: Party
  /// Packets a second of the opener.
  public private(set) var openRate: Int
  /// Packets a second of the prober.
  public private(set) var probeRate: Int
  /// Sockets that the opener opens at most.
  public private(set) var sockets: Int
  /// Packets that the opener sends at most.
  public private(set) var openerPackets: Int
  /// Packets that the prober sends at most.
  public private(set) var probes: Int
  /// How many milliseconds it lasts at most.
  public private(set) var milliseconds: Int
  /// What decides the order of equally likely ports.
  public var seed: UInt64
  /// The inside port of the opener's first socket; 0 if that is nobody's business.
  public var localPort: UInt16
  /// How many milliseconds before the search the last of the model's samples was taken.
  public private(set) var sampleAge: Int
  /// How the opener's NAT chooses ports.
  public var model: PortModel

  /// A plan within a profile.
  public init(
    _ method: Method, opener: Party, profile: SearchProfile, model: PortModel, seed: UInt64,
    localPort: UInt16 = 0, sampleAge: Duration = .zero
  ) {
    self.method = method
    self.opener = opener
    self.model = model
    self.seed = seed
    self.localPort = localPort
    self.sampleAge = max(0, min(65_535, Int(sampleAge.wholeNanoseconds / 1_000_000)))
    openRate = profile.openRate
    probeRate = profile.probeRate
    sockets = method == .predict || method == .meet ? 1 : profile.sockets
    probes = profile.probes
    openerPackets = max(sockets, profile.bytes / SearchLimits.packetBytes - probes)
    milliseconds = Int(profile.duration.wholeNanoseconds / 1_000_000)
  }

  /// The same plan, where it is within a profile: what the other side asks for is not what it gets.
  public func limited(to profile: SearchProfile) -> SearchPlan {
    let own = SearchPlan(method, opener: opener, profile: profile, model: model, seed: seed)
    var copy = self
    copy.openRate = min(openRate, own.openRate)
    copy.probeRate = min(probeRate, own.probeRate)
    copy.sockets = min(sockets, own.sockets)
    copy.openerPackets = min(openerPackets, own.openerPackets)
    copy.probes = min(probes, own.probes)
    copy.milliseconds = min(milliseconds, own.milliseconds)
    return copy
  }

  /// How long it lasts at most.
  public var duration: Duration { .milliseconds(milliseconds) }

  /// What both sides send together at most, with headers.
  public var bytes: Int { (openerPackets + probes) * SearchLimits.packetBytes }

  init(
    method: Method, opener: Party, openRate: Int, probeRate: Int, sockets: Int, openerPackets: Int,
    probes: Int,
    milliseconds: Int, seed: UInt64, localPort: UInt16, sampleAge: Int, model: PortModel
  ) {
    self.method = method
    self.opener = opener
    self.openRate = openRate
    self.probeRate = probeRate
    self.sockets = sockets
    self.openerPackets = openerPackets
    self.probes = probes
    self.milliseconds = milliseconds
    self.seed = seed
    self.localPort = localPort
    self.sampleAge = sampleAge
    self.model = model
  }
}

// MARK: The schedule

extension SearchPlan {
  /// A packet of the opener.
  public enum OpenerPacket: Hashable, Sendable {
    /// The first one from the socket of this number, which makes a mapping.
    case open(Int)
    /// One more from a socket that has sent already.
    case again(Int)
  }

  /// What the opener sends as its packet of this number, from 0; nil when it has sent all.
  public func openerPacket(_ number: Int) -> OpenerPacket? {
    guard number >= 0, number < openerPackets, openerTime(number) <= duration else { return nil }
    return number < sockets ? .open(number) : .again(number % sockets)
  }

  /// When the opener sends its packet of this number, after the start.
  public func openerTime(_ number: Int) -> Duration {
    .nanoseconds(Int64(number) * 1_000_000_000 / Int64(openRate))
  }

  /// Whether the opener's packet of this number is to die on the way.
  func isHushed(_ number: Int) -> Bool { method == .predict && openerTime(number) < SearchLimits.hush }

  /// The ports to probe, in order; the same on both sides.
  ///
  /// - Parameter ownMappings: how many mappings the opener made after the last sample and before the one sought.
  public func ports(ownMappings: Int = 0) -> PortSequence {
    var random = SeededChance(seed: seed)
    let outlook = PortOutlook(
      elapsed: .milliseconds(sampleAge), ownMappings: ownMappings, localPort: localPort == 0 ? nil : localPort
    )
    return PortSequence(model, outlook, using: &random)
  }
}

import WarrenMachine

/// Why nothing is sent to an address that the other side has named.
public enum CandidateRefusal: Int, Error, Hashable, Sendable, CaseIterable {
  /// Nobody can be at port 0.
  case noPort
  /// It is no address, like `0.0.0.0`.
  case unspecified
  /// It is many machines' at once.
  case multicast
  /// It is every machine's.
  case broadcast
  /// It is this machine's own, whoever says it.
  case loopback
  /// An IPv4 address as IPv6 writes it: it would slip by what is said of the IPv4 address.
  case disguised
  /// It was named before.
  case known
  /// It is for another of several streams.
  case otherComponent
  /// There are so many others already.
  case tooMany
}

extension CandidateRefusal: CustomStringConvertible {
  /// The reason in words.
  public var description: String {
    switch self {
    case .noPort: "nobody can be reached at port 0"
    case .unspecified: "this address stands for none"
    case .multicast: "a multicast address is not one machine's"
    case .broadcast: "a broadcast address is not one machine's"
    case .loopback: "a loopback address is never another machine's"
    case .disguised: "an IPv4 address must be written as one"
    case .known: "it was named before"
    case .otherComponent: "Warren has one stream, and this is for another"
    case .tooMany: "\(ICELimits.remoteCandidates) candidates are enough"
    }
  }
}

/// How often candidates were refused, by reason.
public struct CandidateRefusals: Hashable, Sendable {
  private var counts = [Int](repeating: 0, count: CandidateRefusal.allCases.count)

  /// How many were refused for a reason.
  public subscript(_ reason: CandidateRefusal) -> Int { counts[reason.rawValue] }

  /// How many were refused.
  public var total: Int { counts.reduce(0, +) }

  mutating func count(_ reason: CandidateRefusal) { counts[reason.rawValue] += 1 }
}

extension Candidate {
  /// Why it cannot be an address of another machine; nil if it can.
  public func refusal(allowingLoopback: Bool = false) -> CandidateRefusal? {
    // Even who is never connected to names a port that could be: 9 (RFC 6544, 4.5).
    if address.port == 0 { return .noPort }
    return address.ip.refusal(allowingLoopback: allowingLoopback)
  }
}

extension IPAddress {
  /// Why it cannot be another machine's address; nil if it can.
  func refusal(allowingLoopback: Bool) -> CandidateRefusal? {
    if canonical != self { return .disguised }
    if isUnspecified { return .unspecified }
    if isMulticast { return .multicast }
    if isBroadcast { return .broadcast }
    if isLoopback && !allowingLoopback { return .loopback }
    return nil
  }
}

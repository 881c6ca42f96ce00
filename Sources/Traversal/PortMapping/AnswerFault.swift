/// Why what came in is no answer of a gateway to us.
public enum AnswerFault: UInt8, Error, Hashable, Sendable, CaseIterable {
  /// It came from elsewhere than from the gateway's port (RFC 6886, 3.1; RFC 6887, 8.3).
  case stranger
  /// It is shorter than it must be.
  case truncated
  /// It is longer than PCP allows, or no multiple of four bytes (RFC 6887, 7).
  case badLength
  /// An option reaches beyond its end (RFC 6887, 7.3).
  case badOption
  /// It is a request, not an answer.
  case notAnAnswer
  /// It is of another version of the protocol.
  case wrongVersion
  /// It answers another kind of request.
  case wrongOpcode
  /// It bears another nonce than the question (RFC 6887, 11.4).
  case wrongNonce
  /// It is about another port or protocol of this machine.
  case wrongMapping
  /// The outside place that it names cannot be one, or it grants no time at all.
  case impossible
  /// Nobody has asked.
  case unexpected
}

/// How often each fault was met.
public struct AnswerFaults: Hashable, Sendable {
  private var counts = [Int](repeating: 0, count: AnswerFault.allCases.count)

  /// None yet.
  init() {}

  /// How often a fault was met.
  public internal(set) subscript(fault: AnswerFault) -> Int {
    get { counts[Int(fault.rawValue)] }
    set { counts[Int(fault.rawValue)] = newValue }
  }

  /// How many answers were refused.
  public var total: Int { counts.reduce(0, +) }

  mutating func add(_ other: AnswerFaults) {
    for index in counts.indices { counts[index] += other.counts[index] }
  }
}

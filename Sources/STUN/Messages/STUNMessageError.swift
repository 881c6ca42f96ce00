/// Why bytes are not a STUN message.
public enum STUNMessageError: Error, Hashable, Sendable, CaseIterable {
  /// They do not begin like one: another protocol's packet, or STUN from before 2008.
  case notSTUN
  /// There are fewer than the header says, or more.
  case wrongLength
  /// An attribute reaches beyond the message.
  case attributeBeyondEnd
  /// There are more attributes than any message needs.
  case tooManyAttributes
  /// Something stands behind the fingerprint.
  case fingerprintNotLast
  /// The fingerprint is another message's.
  case wrongFingerprint
}

extension STUNMessageError: CustomStringConvertible {
  /// What is wrong with the bytes.
  public var description: String {
    switch self {
    case .notSTUN: "these bytes do not begin like a STUN message"
    case .wrongLength: "the STUN header names another length than the message has"
    case .attributeBeyondEnd: "a STUN attribute reaches beyond its message"
    case .tooManyAttributes: "the STUN message has more than \(STUNLimits.attributes) attributes"
    case .fingerprintNotLast: "the fingerprint of the STUN message is not its last attribute"
    case .wrongFingerprint: "the STUN message was changed on the way: its fingerprint does not fit"
    }
  }
}

/// The name of a part of a message (IANA, STUN Attributes).
public struct STUNAttribute: RawRepresentable, Hashable, Sendable {
  /// Its number.
  public var rawValue: UInt16

  /// The attribute with this number.
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Whether who does not know it must refuse the message (RFC 8489, 14).
  public var isComprehensionRequired: Bool { rawValue < 0x8000 }
}

// RFC 8489.
extension STUNAttribute {
  /// The sender's address, in the clear: for old clients.
  public static let mappedAddress = STUNAttribute(rawValue: 0x0001)
  /// Who signs.
  public static let username = STUNAttribute(rawValue: 0x0006)
  /// The signature, with SHA-1.
  public static let messageIntegrity = STUNAttribute(rawValue: 0x0008)
  /// Why a request failed.
  public static let errorCode = STUNAttribute(rawValue: 0x0009)
  /// Which attributes were not understood.
  public static let unknownAttributes = STUNAttribute(rawValue: 0x000A)
  /// In whose name the server asks for a password.
  public static let realm = STUNAttribute(rawValue: 0x0014)
  /// What makes a signature good for a while only.
  public static let nonce = STUNAttribute(rawValue: 0x0015)
  /// The signature, with SHA-256.
  public static let messageIntegritySHA256 = STUNAttribute(rawValue: 0x001C)
  /// How the password becomes a key.
  public static let passwordAlgorithm = STUNAttribute(rawValue: 0x001D)
  /// Who signs, hidden.
  public static let userhash = STUNAttribute(rawValue: 0x001E)
  /// The sender's address, masked so that no NAT rewrites it.
  public static let xorMappedAddress = STUNAttribute(rawValue: 0x0020)
  /// Which ways there are from password to key.
  public static let passwordAlgorithms = STUNAttribute(rawValue: 0x8002)
  /// The name that the alternate server's certificate bears.
  public static let alternateDomain = STUNAttribute(rawValue: 0x8003)
  /// What program sends.
  public static let software = STUNAttribute(rawValue: 0x8022)
  /// Ask there instead.
  public static let alternateServer = STUNAttribute(rawValue: 0x8023)
  /// A checksum that tells STUN from other packets.
  public static let fingerprint = STUNAttribute(rawValue: 0x8028)
}

// RFC 8445.
extension STUNAttribute {
  /// The priority that a candidate found by this check would have.
  public static let priority = STUNAttribute(rawValue: 0x0024)
  /// The controlling side takes this pair.
  public static let useCandidate = STUNAttribute(rawValue: 0x0025)
  /// The sender believes that the other side decides.
  public static let iceControlled = STUNAttribute(rawValue: 0x8029)
  /// The sender believes that it decides.
  public static let iceControlling = STUNAttribute(rawValue: 0x802A)
}

// RFC 5780.
extension STUNAttribute {
  /// Answer from another address or port.
  public static let changeRequest = STUNAttribute(rawValue: 0x0003)
  /// Bytes that only make the message large.
  public static let padding = STUNAttribute(rawValue: 0x0026)
  /// Answer to another port.
  public static let responsePort = STUNAttribute(rawValue: 0x0027)
  /// Where the answer comes from.
  public static let responseOrigin = STUNAttribute(rawValue: 0x802B)
  /// The server's other address.
  public static let otherAddress = STUNAttribute(rawValue: 0x802C)
}

// RFC 8656, 6062 and 8016 (TURN).
extension STUNAttribute {
  /// A number that stands for a peer.
  public static let channelNumber = STUNAttribute(rawValue: 0x000C)
  /// For how many seconds.
  public static let lifetime = STUNAttribute(rawValue: 0x000D)
  /// A peer's address.
  public static let xorPeerAddress = STUNAttribute(rawValue: 0x0012)
  /// What is carried.
  public static let data = STUNAttribute(rawValue: 0x0013)
  /// The relay's address for the client.
  public static let xorRelayedAddress = STUNAttribute(rawValue: 0x0016)
  /// Which family the relay's address shall be of.
  public static let requestedAddressFamily = STUNAttribute(rawValue: 0x0017)
  /// The port shall be even.
  public static let evenPort = STUNAttribute(rawValue: 0x0018)
  /// UDP or TCP between relay and peer.
  public static let requestedTransport = STUNAttribute(rawValue: 0x0019)
  /// Send it unfragmented.
  public static let dontFragment = STUNAttribute(rawValue: 0x001A)
  /// The port that an earlier request kept free.
  public static let reservationToken = STUNAttribute(rawValue: 0x0022)
  /// A connection between relay and peer.
  public static let connectionID = STUNAttribute(rawValue: 0x002A)
  /// A second relayed address, of this family.
  public static let additionalAddressFamily = STUNAttribute(rawValue: 0x8000)
  /// Why there is no second relayed address.
  public static let addressErrorCode = STUNAttribute(rawValue: 0x8001)
  /// An ICMP message that a peer's way sent.
  public static let icmp = STUNAttribute(rawValue: 0x8004)
  /// What lets an allocation move to another address.
  public static let mobilityTicket = STUNAttribute(rawValue: 0x8030)
}

// Warren's own, from the numbers that nobody must understand.
extension STUNAttribute {
  /// In a request eight bytes of nothing: the asker wants it in writing where it was seen. In an answer eight bytes by which the
  /// server knows that it has said so.
  public static let attestation = STUNAttribute(rawValue: 0xC0DE)
}

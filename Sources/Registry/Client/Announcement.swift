import WarrenMachine

/// What a peer says of itself to a registry, and says again whenever it comes back.
public struct Announcement: Hashable, Sendable {
  /// What it is called; nil where its key is enough.
  public var name: RegistryName?
  /// Whether those who ask for a list see it.
  public var isListed: Bool
  /// Who may know where it is, and connect.
  public var consent: Consent
  /// Where it may be reached, besides where the registry sees it.
  public var addresses: [SocketAddress]
  /// Where the registry's STUN has seen it, as for the family that it does not talk to the registry over.
  public var attested: [AttestedAddress]
  /// Where the registry's STUN has seen it by way of relays. They are told to the other side of an introduction alone, of one that
  /// is hidden as well.
  public var relayed: [AttestedAddress]
  /// Whether others are told of ``addresses`` alone, and not of where the registry sees it. A registry that is older than this
  /// does not know it.
  public var isHidden: Bool

  /// An announcement.
  public init(
    named name: RegistryName? = nil, isListed: Bool = true, consent: Consent = .ask,
    at addresses: [SocketAddress] = [], attested: [AttestedAddress] = [],
    relayed: [AttestedAddress] = [], isHidden: Bool = false
  ) {
    self.name = name
    self.isListed = isListed
    self.consent = consent
    self.addresses = addresses
    self.attested = attested
    self.relayed = relayed
    self.isHidden = isHidden
  }
}

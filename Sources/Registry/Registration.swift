import WarrenCrypto
import WarrenMachine

/// Who may change a registration.
public enum RegistryOwner: Hashable, Sendable {
  /// Whoever has this key.
  case key(PeerID)
  /// Whoever asks from here for this name, for programs that have no keys: several of them may be behind one NAT.
  case address(IPAddress, RegistryName)
}

/// That a peer is there, and where.
public struct Registration: Hashable, Sendable {
  /// Whose it is; each has one registration.
  public var owner: RegistryOwner
  /// What it is called; nil where only its key is known to those who want it.
  public var name: RegistryName?
  /// Whether those who ask for a list see it.
  public var isListed: Bool
  /// Who may know where it is, and connect.
  public var consent: Consent
  /// Where it may be reached, the likeliest first.
  public var addresses: [SocketAddress]

  /// A registration.
  public init(
    of owner: RegistryOwner, named name: RegistryName? = nil, isListed: Bool = true,
    consent: Consent = .ask, at addresses: [SocketAddress] = []
  ) {
    self.owner = owner
    self.name = name
    self.isListed = isListed
    self.consent = consent
    self.addresses = addresses
  }

  /// Where it may be reached, for those who have no key: whoever has none itself has announced that for everyone.
  var addressesForStrangers: [SocketAddress] {
    if case .key = owner, consent != .everyone { return [] }
    return addresses
  }
}

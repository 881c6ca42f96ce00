import WarrenCrypto
import WarrenMachine

/// That somebody wants to be connected with somebody else, as the one who was asked is told.
public struct Introduction: Hashable, Sendable {
  /// Which one it is, of all that a registry has open.
  public var id: UInt64
  /// Who wants it: the registry has seen that it has this key.
  public var peer: PeerID
  /// What it is called, if it is called anything.
  public var name: RegistryName?
  /// Where it may be: seen by the registry, or in private networks.
  public var addresses: [SocketAddress]
  /// Whether the registry waits for an answer: else it has given it already, as it was told to.
  public var isQuestion: Bool
  /// What it wanted to be handed over.
  public var content: Content

  /// What who asks wants to be handed over, and the registry does not understand.
  public struct Content: Hashable, Sendable {
    /// Its first packets.
    public var flight: [[UInt8]]
    /// What else it says.
    public var signal: [UInt8]

    /// Something to be handed over.
    public init(flight: [[UInt8]] = [], signal: [UInt8] = []) {
      self.flight = flight
      self.signal = signal
    }
  }

  /// What who asks tells the registry.
  public struct Request: Hashable, Sendable {
    /// Whom it wants.
    public var target: RegistryTarget
    /// Where it may be reached, as far as it knows.
    public var addresses: [SocketAddress]
    /// What is handed over.
    public var content: Content

    /// Asks for somebody.
    public init(_ target: RegistryTarget, at addresses: [SocketAddress], _ content: Content = Content()) {
      self.target = target
      self.addresses = addresses
      self.content = content
    }
  }

  /// What who asked is told.
  public struct Answer: Hashable, Sendable {
    /// Which introduction it is from now on.
    public var id: UInt64
    /// Who the other is.
    public var peer: PeerID
    /// Where it may be.
    public var addresses: [SocketAddress]

    /// An answer.
    public init(id: UInt64, peer: PeerID, addresses: [SocketAddress]) {
      self.id = id
      self.peer = peer
      self.addresses = addresses
    }
  }

  /// An introduction.
  public init(
    id: UInt64, of peer: PeerID, named name: RegistryName? = nil, at addresses: [SocketAddress],
    isQuestion: Bool, _ content: Content = Content()
  ) {
    self.id = id
    self.peer = peer
    self.name = name
    self.addresses = addresses
    self.isQuestion = isQuestion
    self.content = content
  }
}

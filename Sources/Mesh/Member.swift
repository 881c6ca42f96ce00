import WarrenCrypto
import WarrenMachine

/// One of a mesh, as another one knows it.
public struct Member: Hashable, Sendable {
  /// How it is, as far as is known.
  public enum State: UInt8, Hashable, Sendable {
    /// It is there.
    case alive
    /// It does not answer, and others are asked.
    case suspect
    /// It is gone, and has not said so.
    case dead
    /// It has said that it goes.
    case left

    var isThere: Bool { self == .alive || self == .suspect }
  }

  /// Who it is.
  public let id: PeerID
  /// What it calls itself; it need not be the only one.
  public let name: String
  /// Where it says that it can be reached, besides where the registry knows it.
  public let addresses: [SocketAddress]
  /// How it is.
  public let state: State

  /// A member.
  public init(_ id: PeerID, name: String, addresses: [SocketAddress] = [], _ state: State = .alive) {
    self.id = id
    self.name = name
    self.addresses = addresses
    self.state = state
  }

  /// Whether it counts as one of the mesh.
  public var isThere: Bool { state.isThere }
}

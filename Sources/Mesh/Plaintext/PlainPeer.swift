import WarrenMachine

/// Another node of a mesh that speaks the plain protocol. What it says of itself, nothing proves.
public struct PlainPeer: Hashable, Sendable {
  /// By what it is told from others.
  public let id: String
  /// What it calls itself.
  public let name: String
  /// Where it listens; or where it is, if it has not said.
  public let address: SocketAddress

  /// A node.
  public init(id: String, name: String, at address: SocketAddress) {
    self.id = id
    self.name = name
    self.address = address
  }
}

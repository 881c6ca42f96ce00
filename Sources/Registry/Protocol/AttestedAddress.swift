import WarrenMachine

/// An address that a registry's STUN has seen, and what proves to the registry that it has.
public struct AttestedAddress: Hashable, Sendable {
  /// The address.
  public var address: SocketAddress
  /// The proof.
  public var proof: UInt64

  /// An address with its proof.
  public init(_ address: SocketAddress, proof: UInt64) {
    self.address = address
    self.proof = proof
  }
}

import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenRegistry

/// Somebody wants to connect, and waits for an answer.
public struct ConnectionRequest: Sendable {
  let owner: Peer
  let number: Int
  /// Who wants to: it has proven that it has this key.
  public let peer: PeerID
  /// What it is called at the registry, if it came by that.
  public let name: RegistryName?

  /// Lets it, and waits for the connection.
  @discardableResult
  public func accept() async throws -> Connection { try await owner.accept(number) }

  /// Does not. It learns the reason, and nothing else of this peer.
  public func deny(reason: String = "") async { await owner.deny(number, reason: reason) }
}

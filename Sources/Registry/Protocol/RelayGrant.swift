import WarrenCrypto
import WarrenMachine
import WarrenRelay

/// What a registry gives to a peer that is registered: leave to be relayed by it, for a while.
///
/// The relay is where the registry is, at the same port. A new grant comes in time.
public struct RelayGrant: Hashable, Sendable {
  /// How the relay can be spoken to.
  public var transports: [RelayServerAddress.Transport]
  /// As whom.
  public var username: String
  /// With which password.
  public var password: String
  /// For how long new allocations can be made with it, from when it was given.
  public var lifetime: Duration
  /// What the relay will ask for, told ahead.
  public var challenge: RelayChallenge?

  /// A grant.
  public init(
    transports: [RelayServerAddress.Transport], username: String, password: String, lifetime: Duration,
    challenge: RelayChallenge? = nil
  ) {
    self.transports = transports
    self.username = username
    self.password = password
    self.lifetime = lifetime
    self.challenge = challenge
  }

  /// What `RelayClient.allocate(at:)` wants: UDP first, then TCP, then TLS, which gets through where nothing else does.
  ///
  /// - Parameters:
  ///   - addresses: those of the registry.
  ///   - key: the registry's, which it proves over TLS.
  public func servers(at addresses: [SocketAddress], key: PeerID) -> [RelayServerAddress] {
    Self.order.filter(transports.contains).flatMap { transport in
      addresses.map { address in
        var server = RelayServerAddress(
          host: "\(address.ip)", port: address.port, transport: transport, username: username,
          password: password, key: transport == .tls ? key : nil)
        server.challenge = challenge
        return server
      }
    }
  }

  /// As they are tried; on the wire each has the bit of its place.
  static let order: [RelayServerAddress.Transport] = [.udp, .tcp, .tls]
}

extension RelayGrant: CustomStringConvertible {
  /// Without what nobody else should read.
  public var description: String { "a grant for \(username.undisturbing), good for \(lifetime)" }
}

import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenRegistry

/// What happens to a peer.
public enum PeerEvent: Sendable {
  /// The registry has taken what this peer says of itself: others find it.
  case registered
  /// Where this peer may be reached has changed, as far as it knows.
  case candidatesChanged([SocketAddress])
  /// Somebody wants to connect.
  case requested(by: PeerID, named: RegistryName?)
  /// It tries to connect, in this way.
  case connecting(to: String, over: Trial)
  /// There is a connection, over this path, after so long.
  case connected(with: PeerID, over: NetworkPath, Path.Kind, after: Duration)
  /// A connection goes another way.
  case pathChanged(with: PeerID, to: Path)
  /// A connection is over.
  case disconnected(from: PeerID, because: QUICError)
  /// The registry is there, and sees this peer here.
  case registryFound(observed: SocketAddress)
  /// The registry cannot be reached, and is tried again after so long.
  case registryLost(because: String, retry: Duration)
  /// The registry does not take what this peer says of itself.
  case registryRefused(RegistryError)
  /// The registry was not given a key: whoever has this one is taken for it from now on. **It may be anyone.**
  case registryTrusted(PeerID)

  /// How it tries to connect.
  public enum Trial: Hashable, Sendable {
    /// It has the registry introduce it.
    case introduction
    /// Its first packets go here.
    case addresses([SocketAddress])
    /// Nobody has answered at the known addresses: it looks for others, and for ways through the NATs.
    case punching
  }
}

extension PeerEvent: CustomStringConvertible {
  /// What happens, in words.
  public var description: String {
    switch self {
    case .registered: "it is registered"
    case .candidatesChanged(let addresses): "it may be reached at \(Self.list(addresses))"
    case .requested(let peer, let name):
      "\(peer) wants to connect\(name.map { ", and calls itself \($0)" } ?? "")"
    case .connecting(let target, let trial): "it tries to connect with \(target): \(trial)"
    case .connected(let peer, let path, let kind, let time):
      "connected with \(peer), \(kind), to \(path.remote), after \(time.milliseconds) ms"
    case .pathChanged(let peer, let path):
      "the connection with \(peer) goes \(path.kind), to \(path.network.remote)"
    case .disconnected(let peer, let error): "the connection with \(peer) is over: \(error)"
    case .registryFound(let address): "the registry is there, and sees it at \(address)"
    case .registryLost(let reason, let pause):
      "the registry cannot be reached, and is tried again after \(pause.milliseconds) ms: \(reason)"
    case .registryRefused(let error): "the registry does not take what it says of itself: \(error)"
    case .registryTrusted(let peer): "the registry is taken for \(peer)"
    }
  }

  fileprivate static func list(_ addresses: [SocketAddress]) -> String {
    addresses.map(\.description).joined(separator: ", ")
  }
}

extension PeerEvent.Trial: CustomStringConvertible {
  /// How, in words.
  public var description: String {
    switch self {
    case .introduction: "the registry introduces it"
    case .addresses(let addresses): "its first packets go to \(PeerEvent.list(addresses))"
    case .punching: "it punches holes"
    }
  }
}

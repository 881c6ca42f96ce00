import WarrenCrypto
import WarrenQUIC
import WarrenRegistry

/// Why a peer is not connected with another.
public struct PeerError: Error, Hashable, Sendable {
  /// What went wrong.
  public enum Code: Hashable, Sendable {
    /// Nobody of this name or key is there.
    case notFound
    /// The other side does not want it.
    case denied
    /// It is there, and does not answer.
    case notReachable
    /// Nothing gets through between the two, or not in time.
    case noPath
    /// Somebody else answered than who was called.
    case wrongPeer(PeerID)
    /// There is no registry, or it cannot be reached.
    case noRegistry
    /// The registry does not do what it was asked for.
    case registry(RegistryError.Code)
    /// Somebody else has wanted something else of the connection since.
    case replaced
    /// This machine has no network that could be used.
    case noNetwork
    /// The peer is closed, or was not started.
    case closed
  }

  /// What went wrong.
  public var code: Code
  /// What a person is told.
  public var reason: String

  /// An error.
  public init(_ code: Code, _ reason: String) {
    self.code = code
    self.reason = reason
  }

  /// What a registry says, as a peer says it.
  public init(_ error: RegistryError) {
    let code: Code =
      switch error.code {
      case .notRegistered, .nobodyWaits, .nobodyAsked: .notFound
      case .denied: .denied
      case .notReachable, .away: .notReachable
      case .noRegistry: .noRegistry
      default: .registry(error.code)
      }
    self.init(code, error.reason)
  }

  init(_ error: QUICError) {
    let code: Code =
      switch error.code {
      case .wrongPeer(let peer): .wrongPeer(peer)
      case .application(ConnectionEnd.denied.rawValue): .denied
      case .tls(42) where error.isRemote: .denied
      default: .noPath
      }
    self.init(code, "\(error)")
  }
}

extension PeerError: CustomStringConvertible {
  public var description: String { reason }
}

/// Why a peer ends a connection by itself, as the other side is told.
enum ConnectionEnd: UInt64 {
  /// It is not wanted.
  case denied = 0x77_00
  /// The two have another one.
  case duplicate = 0x77_01
  /// The peer is closed.
  case closed = 0x77_02
}

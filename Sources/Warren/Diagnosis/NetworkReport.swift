import WarrenMachine
import WarrenRegistry
import WarrenRelay
import WarrenTraversal

/// What stands between a machine and others, and what follows from it: see ``NetworkExaminer``.
public struct NetworkReport: Sendable {
  /// What IPv4 or IPv6 has to offer.
  public struct Family: Sendable {
    /// Which it is.
    public let family: IPAddress.Family
    /// This machine's own addresses.
    public let addresses: [IPAddress]
    /// What stands before them; nil where nobody could be asked.
    public internal(set) var nat: Result<NATReport, NATDiscoveryError>?
  }

  /// A relay, and whether it would relay.
  public struct Relay: Sendable {
    /// Which it is.
    public let server: RelayServerAddress
    /// How long it took to be given an address there, or why it was not.
    public let outcome: Result<Duration, RelayError>
  }

  /// What came of the look for a page that wants to be read first.
  public enum Portal: Hashable, Sendable {
    /// The answer was the right one.
    case none
    /// Somebody else answered, and sends whoever asks there, if it says so.
    case found(page: String?)
    /// Nobody has answered.
    case unknown(because: String)
  }

  /// What each family that this machine has offers; empty without a network.
  public internal(set) var families: [Family] = []
  /// The registry; nil where none was named.
  public internal(set) var registry: Result<RegistryView, PeerError>?
  /// Whether a router opens ports when asked; nil where it was not asked.
  public internal(set) var portMapping: Result<PortMapping, PortMappingError>?
  /// The relays that could be used.
  public internal(set) var relays: [Relay] = []
  /// A page that wants to be read before anything gets through; nil where it was not looked for.
  public internal(set) var portal: Portal?

  /// Whether UDP does not get out, though TCP does.
  public var isUDPBlocked: Bool {
    let outcomes = families.compactMap(\.nat)
    let isHeard = outcomes.contains { if case .success = $0 { true } else { false } }
    let isBlocked = outcomes.contains { if case .failure(.udpBlocked) = $0 { true } else { false } }
    // Of a registry alone UDP may be kept away.
    if isHeard { return false }
    if let view = try? registry?.get() { return !view.usesUDP }
    return isBlocked
  }

  /// Whether a relay would do where nothing else does.
  public var hasRelay: Bool { relays.contains { (try? $0.outcome.get()) != nil } }

  /// What will come of connecting with each kind of peer.
  public var outlooks: [NetworkOutlook] { NetworkOutlook.all(for: self) }
}

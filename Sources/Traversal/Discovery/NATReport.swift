import WarrenMachine

/// What the NATs and firewalls before a machine do, in the words of RFC 4787; nil stands for what could not be found out.
public struct NATReport: Hashable, Sendable {
  /// The address and port of the socket that asked, on this machine.
  public var local: SocketAddress
  /// Where the world sees that socket.
  public var outside: SocketAddress
  /// All outside addresses that were seen.
  public var addresses: [IPAddress]
  /// Whether an address or port is translated at all.
  public var isTranslated: Bool
  /// When a socket's packets get another outside port; nil without translation, or with too few servers.
  public var mapping: NATKind.Dependence?
  /// Who may send to a socket that has sent; nil if the server has no other address to try it from.
  public var filtering: NATKind.Dependence?
  /// How the outside ports are chosen; nil without translation.
  public var allocation: NATKind.Allocation?
  /// Whether ``allocation`` is only for what a socket sends to further places, and it has its own port at the first.
  public var keepsFirstPort: Bool
  /// Whether machines behind it reach each other at their outside addresses; nil if that cannot be told.
  public var hairpins: Bool?
  /// Within which time of silence a mapping still works, and after which it does not; nil if it was not measured.
  public var lifetime: Lifetime?
  /// How the next port may be foreseen.
  public var portModel: PortModel?

  /// Between what and what a time lies.
  public struct Lifetime: Hashable, Sendable {
    /// After so much silence it worked.
    public var atLeast: Duration
    /// After so much it did not; nil if it always did.
    public var lessThan: Duration?
    /// Whether only the mapping was looked at, and not who may send to it: a filter may close before.
    public var isOfMappingAlone: Bool

    /// A time between two others.
    public init(atLeast: Duration, lessThan: Duration?, isOfMappingAlone: Bool = false) {
      self.atLeast = atLeast
      self.lessThan = lessThan
      self.isOfMappingAlone = isOfMappingAlone
    }
  }

  /// Whether ports are chosen so that even ones stay even and odd ones odd; nil if they are not any of a range.
  public var keepsParity: Bool? {
    if case .range(_, let keepsParity)? = portModel?.rules.first?.rule { keepsParity } else { nil }
  }

  /// How often something must be sent so that a mapping stays: four fifths of what is certain.
  public var keepAlive: Duration? { lifetime.flatMap { $0.atLeast > .zero ? $0.atLeast * 4 / 5 : nil } }
}

extension PunchConfiguration {
  /// Takes over who may send to a mapping, which no puncher finds out by itself: what it assumes is strict, and two NATs
  /// that could be got through with less are left to the relay. How ports are chosen is looked at anew each time.
  public mutating func adopt(_ report: NATReport) {
    if let filtering = report.filtering { self.filtering = filtering }
  }
}

import WarrenMachine

/// An address at which somebody may be reached (RFC 8445, 4).
public struct Candidate: Hashable, Sendable {
  /// How an address was come by (RFC 8445, 5.1.1).
  public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
    /// An interface has it.
    case host
    /// A STUN server saw it, or a gateway gave it.
    case serverReflexive
    /// The other side saw it.
    case peerReflexive
    /// A relay has it.
    case relayed
  }

  /// What carries the packets; over TCP, who connects to whom (RFC 6544, 4.5).
  public enum Transport: UInt8, Hashable, Sendable, CaseIterable {
    /// UDP.
    case udp
    /// TCP: it connects and is never connected to.
    case tcpActive
    /// TCP: it is connected to.
    case tcpPassive
    /// TCP: both connect at once.
    case tcpSimultaneousOpen

    /// Whether it is TCP, in whatever role.
    public var isTCP: Bool { self != .udp }

    /// What the other side must be to form a pair with this (RFC 6544, 6.2).
    public var counterpart: Transport {
      switch self {
      case .udp: .udp
      case .tcpActive: .tcpPassive
      case .tcpPassive: .tcpActive
      case .tcpSimultaneousOpen: .tcpSimultaneousOpen
      }
    }
  }

  /// How it was come by.
  public var kind: Kind
  /// What carries the packets.
  public var transport: Transport
  /// Where it is.
  public var address: SocketAddress
  /// For all but a host's: the address behind it that it was derived from, for those who look for faults.
  public var relatedAddress: SocketAddress?
  /// Which of several streams it is for; Warren has one.
  public var component: UInt16
  /// The higher, the rather it is used.
  public var priority: UInt32
  /// What it has in common with candidates that will work or fail alike (RFC 8445, 5.1.1.3).
  public var foundation: String

  /// A candidate.
  public init(
    _ kind: Kind, over transport: Transport = .udp, at address: SocketAddress,
    relatedTo relatedAddress: SocketAddress? = nil,
    component: UInt16 = 1, priority: UInt32, foundation: String
  ) {
    self.kind = kind
    self.transport = transport
    self.address = address
    self.relatedAddress = relatedAddress
    self.component = component
    self.priority = priority
    self.foundation = foundation
  }
}

extension Candidate {
  /// The priority that RFC 8445, 5.1.2.1 recommends.
  ///
  /// - Parameter localPreference: among candidates of one kind, the higher the better; IPv6 before IPv4.
  public static func priority(
    _ kind: Kind, _ transport: Transport = .udp, localPreference: UInt16, component: UInt16 = 1
  ) -> UInt32 {
    let typePreference: UInt32 =
      switch kind {
      case .host: 126
      case .peerReflexive: 110
      case .serverReflexive: 100
      case .relayed: 0
      }
    // Over TCP, 13 bits are left to the preference: three say who connects (RFC 6544, 4.2).
    let direction: UInt32 =
      switch (transport, kind) {
      case (.udp, _): 0
      case (.tcpActive, .host), (.tcpActive, .relayed): 6
      case (.tcpPassive, .host), (.tcpPassive, .relayed): 4
      case (.tcpSimultaneousOpen, .host), (.tcpSimultaneousOpen, .relayed): 2
      case (.tcpSimultaneousOpen, _): 6
      case (.tcpActive, _): 4
      case (.tcpPassive, _): 2
      }
    let local = transport.isTCP ? direction << 13 | UInt32(localPreference >> 3) : UInt32(localPreference)
    // A way over TCP comes after every one of its kind over UDP (RFC 6544, 4.2 leaves the figure open).
    let type = transport.isTCP ? typePreference / 2 : typePreference
    return type << 24 | local << 8 | (256 - UInt32(min(component, 256)))
  }
}

extension Candidate: CustomStringConvertible {
  /// `srflx udp 203.0.113.5:40000`.
  public var description: String { "\(kind.word) \(transport.isTCP ? "tcp" : "udp") \(address)" }
}

extension Candidate.Kind {
  /// Its name in SDP (RFC 8839, 5.1).
  public var word: String {
    switch self {
    case .host: "host"
    case .serverReflexive: "srflx"
    case .peerReflexive: "prflx"
    case .relayed: "relay"
    }
  }
}

import WarrenMachine

/// How a NAT or firewall behaves, in the terms of RFC 4787 (UDP), RFC 5382 (TCP) and RFC 5508 (ICMP).
///
/// The defaults are a sane home router: endpoint-independent mapping that keeps ports, filtering by address
/// and port, hairpinning, five minutes of patience. IPv4 is translated, IPv6 only filtered (RFC 6092).
public struct NATConfiguration: Hashable, Sendable {
  /// How much of the remote end a decision depends on.
  public enum Dependence: UInt8, Hashable, Sendable, CaseIterable {
    case endpointIndependent, addressDependent, addressAndPortDependent
  }

  // MARK: What it is

  /// Whether IPv4 is translated. If not, the box is a firewall and addresses pass unchanged.
  public var translates = true
  /// Whether those inside who speak IPv6 reach those outside who speak IPv4, by addresses of 64:ff9b::/96 (NAT64: RFC 6146, RFC 6052).
  /// Then it is the inside's DNS64 as well (RFC 6147).
  public var translatesIPv6 = false
  /// Whether the network inside keeps its machines apart, as a hotel's Wi-Fi does: they reach each other by the outside alone, if at all.
  public var isolates = false
  /// Whether all UDP is dropped.
  public var blocksUDP = false
  /// The ports outside to which TCP passes from inside; nil for all.
  public var tcpPorts: ClosedRange<UInt16>?
  /// Whether the hop limit goes down, as in every router.
  public var lowersHopLimit = true
  /// Whether it copes with an outside network that has the same addresses as the inside (RFC 4787, REQ-7).
  public var handlesAddressConflict = true

  // MARK: Mapping

  /// When two flows of a socket share an outside port (RFC 4787, 4.1).
  public var mapping = Dependence.endpointIndependent
  /// How one of several outside addresses is chosen (RFC 4787, 4.1).
  public var pooling = Pooling.paired
  /// When the mapping behaviour turns into `addressAndPortDependent` (RFC 4787, REQ-11 says never).
  public var degradation = Degradation.never
  /// How many mappings there may be.
  public var mappingLimit: Int?
  /// How many mappings each inside address may have.
  public var mappingLimitPerHost: Int?
  /// What happens to a flow for which the limits leave no room.
  public var whenFull = FullTable.dropNew
  /// How many mappings may be made in a second; as many at once after a second of rest.
  public var newMappingsPerSecond: Int?

  // MARK: Ports (RFC 4787, 4.2)

  /// Whether the outside port is the inside port where that is free.
  public var keepsPort = true
  /// Whether a socket's new flow first tries the outside port that its latest one has, even where its own is free:
  /// once Linux has moved a socket, it stays there.
  public var repeatsPort = false
  /// How the outside port is chosen where it is not kept.
  public var portChoice = PortChoice.random
  /// The outside ports that are given to inside ports from 1024 up.
  public var ports: ClosedRange<UInt16> = 1024...65535
  /// Whether inside ports below 1024 get outside ports below 1024 (REQ-3a).
  public var keepsPortClass = true
  /// Whether even ports stay even and odd ones odd (REQ-4).
  public var keepsParity = false
  /// Whether an odd port follows the even one below it, as RTP and RTCP wish.
  public var keepsContiguity = false
  /// Whether flows to different remote ends may share an outside port; needs a mapping that depends on them.
  public var overloadsPorts = false
  /// The blocks of ports that inside addresses are given, as carriers do (RFC 7422).
  public var portBlock: PortBlock?

  // MARK: Filtering

  /// Who may send to a mapping (RFC 4787, 5).
  public var filtering = Dependence.addressAndPortDependent
  /// What inside hosts see of packets that they send to each other's mappings (RFC 4787, 6).
  public var hairpinning = Hairpinning.externalSource
  /// What becomes of datagrams that nobody inside asked for.
  public var unsolicited = Unsolicited.drop
  /// What becomes of TCP connections that nobody inside asked for (RFC 5382, REQ-4).
  public var unsolicitedSYN = UnsolicitedSYN.drop
  /// Whether a SYN from outside is always unsolicited, so that nothing can be opened from both sides.
  public var refusesInboundSYN = false

  // MARK: Lifetimes

  /// How long what it remembers lives.
  public var lifetimes = Lifetimes()
  /// Which packets prolong a UDP mapping (RFC 4787, REQ-6).
  public var refreshes: Directions = [.outbound, .inbound]
  /// Which packets prolong a UDP filter.
  public var refreshesFilter: Directions = [.outbound]

  // MARK: TCP

  /// Whether a reset ends a connection's state at once, against RFC 7857, 2.1.
  public var forgetsResetConnections = false
  /// Whether connections whose beginning it did not see may go on, as Linux lets them.
  public var adoptsConnections = false

  // MARK: ICMP (RFC 4787, REQ-12; RFC 5508)

  /// Whether errors are translated and passed on.
  public var translatesErrors = true
  /// Whether an error ends the mapping that it is about.
  public var errorsEndMappings = false
  /// Whether errors from routers on the way are dropped.
  public var errorsOnlyFromDestination = false

  // MARK: Port mapping (RFC 6887, RFC 6886, UPnP)

  /// By which protocols inside hosts may ask for outside ports, and what they are given.
  public var portMapping = PortMapping()

  // MARK: Fragments (RFC 4787, 11) and payload (10)

  /// Which fragments pass.
  public var fragments = Fragments.outOfOrder(limit: 64)
  /// Whether the inside address is rewritten where it stands in a UDP payload.
  public var rewritesPayload = false

  /// A sane home router.
  public init() {}
}

// MARK: The words

extension NATConfiguration {
  /// How one of several outside addresses is chosen.
  public enum Pooling: Hashable, Sendable {
    /// An inside address keeps one outside address.
    case paired
    /// Each mapping gets any.
    case arbitrary
  }

  /// How outside ports are chosen that are not kept.
  public enum PortChoice: Hashable, Sendable {
    case random
    case sequential(step: Int)
  }

  /// Ports given to an inside address together: aligned blocks of a size, at most so many to each.
  public struct PortBlock: Hashable, Sendable {
    public var size: Int
    public var perHost: Int

    /// Blocks of `size` ports, at most `perHost` for each inside address.
    public init(size: Int, perHost: Int = 1) {
      self.size = size
      self.perHost = perHost
    }
  }

  /// When a NAT changes its mapping behaviour.
  public enum Degradation: Hashable, Sendable {
    case never
    /// For a socket whose port was taken by another host.
    case onCollision
    /// For new mappings while there are at least so many.
    case beyond(mappings: Int)
  }

  /// What a full table means for new flows.
  public enum FullTable: Hashable, Sendable {
    case dropNew
    case evictLeastRecentlyUsed
  }

  /// What inside hosts see of packets sent to each other's mappings.
  public enum Hairpinning: Hashable, Sendable {
    case off
    /// The sender's mapping, as REQ-9a demands.
    case externalSource
    /// The sender itself.
    case internalSource
  }

  /// What becomes of datagrams that nobody inside asked for.
  public enum Unsolicited: Hashable, Sendable {
    case drop
    /// An ICMP error says that the port cannot be reached.
    case reject
    /// The box takes them for its own; nothing listens there, so an ICMP error goes back. With overloaded
    /// ports the flow takes its port as well, and an inside socket that would have kept it must move.
    case accept
  }

  /// What becomes of SYNs that nobody inside asked for.
  public enum UnsolicitedSYN: Hashable, Sendable {
    case drop
    case reset
    /// After six seconds an ICMP error, unless the inside has sent its own SYN by then.
    case rejectLater
  }

  /// The ways across the box.
  public struct Directions: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let outbound = Directions(rawValue: 1)
    public static let inbound = Directions(rawValue: 2)
  }

  /// Which fragments pass.
  public enum Fragments: Hashable, Sendable {
    case none
    /// Later ones only behind the first, which alone shows the ports.
    case inOrder
    /// Later ones wait for the first, at most so many at a time.
    case outOfOrder(limit: Int)
  }

  /// How a NAT answers those inside who ask for an outside port.
  public struct PortMapping: Hashable, Sendable {
    /// The protocols that it speaks; none unless somebody says so.
    public var protocols: Set<PortMappingProtocol> = []
    /// The longest lifetime that it grants (RFC 6887, 15 leaves it to the server).
    public var longestLifetime = Duration.seconds(7200)
    /// How many explicit mappings an inside address may have (`USER_EX_QUOTA`); nil for no limit.
    public var perHost: Int?
    /// Whether asking for a port that another has is refused, rather than answered with another port. UPnP
    /// refuses in any case.
    public var refusesTakenPorts = false
    /// Whether everyone is refused (`NOT_AUTHORIZED`), as where the owner has switched it off by half.
    public var refusesEveryone = false
    /// Whether UPnP mappings are granted for ever alone, as by some old gateways (error 725).
    public var grantsOnlyForEver = false

    /// Nothing is answered.
    public init() {}
  }

  /// How long a NAT remembers.
  public struct Lifetimes: Hashable, Sendable {
    /// A UDP mapping without traffic (RFC 4787, REQ-5).
    public var udp = Duration.seconds(300)
    /// The same before anything came back; nil where that makes no difference.
    public var udpUnreplied: Duration?
    /// How old a UDP mapping must be for a packet of either side to prolong it by `udp`, an answer having come before:
    /// to Linux, what is over sooner was a question, and lives as before its answer. Nil where the first answer is enough.
    public var udpStreamAge: Duration?
    /// The same towards port 53 (REQ-5a); nil where that makes no difference.
    public var dns: Duration?
    /// A UDP filter; nil where it follows the mapping's times.
    public var filter: Duration?
    /// How long a UDP mapping lives at most, whatever traffic there is; drawn for each.
    public var absolute: ClosedRange<Duration>?
    /// A TCP connection without traffic (RFC 5382, REQ-5).
    public var tcpEstablished = Duration.seconds(7440)
    /// A TCP connection that is opening, closing or reset.
    public var tcpTransitory = Duration.seconds(240)
    /// An ICMP query (RFC 5508, REQ-2).
    public var icmp = Duration.seconds(60)

    /// What the RFCs recommend.
    public init() {}
  }
}

import WarrenMachine

/// How a relay's server is to be.
public struct RelayConfiguration: Sendable {
  /// In whose name passwords are asked for: short, since it is in each answer to a stranger.
  public var realm = "warren"
  /// Who may use it.
  public var credentials: RelayCredentials
  /// Where relayed addresses are, one of each family at most.
  public var addresses: [RelayAddress]
  /// Which ports they have.
  public var ports: ClosedRange<UInt16> = 49_152...65_535
  /// What may be relayed to although it is nobody's on the internet, or this server's.
  public var permits: [IPPrefix] = []
  /// What may not be relayed to in any case.
  public var forbids: [IPPrefix] = []
  /// How many allocations there may be: each is a socket or two.
  public var allocations = 10_000
  /// How many of one user.
  public var allocationsPerUser = 100
  /// How many from one address: an office, or a carrier's NAT.
  public var allocationsPerAddress = 1_000
  /// How many addresses may send to an allocation.
  public var permissions = 64
  /// How many channels one may have.
  public var channels = 64
  /// Whether channels may have the numbers of RFC 5766 too, as some older clients choose them; not on a port that others share.
  public var takesOldChannels = false
  /// Bytes a second of one allocation, both ways together; nil for as much as there is.
  public var bandwidth: Int? = RelayLimits.bandwidth
  /// Bytes a second of all together; nil, as it is unless it is said otherwise, for what the line carries: only who runs the
  /// relay knows what that is, and what it costs.
  public var totalBandwidth: Int?
  /// How many may be connected over TCP.
  public var callers = 1_000
  /// How many of these from one address.
  public var callersPerAddress = 100

  /// How many TCP connections with peers there may be; none for a relay of UDP alone.
  public var connections = 1_000
  /// How many of one allocation.
  public var connectionsPerAllocation = 64

  var channelNumbers: ClosedRange<UInt16> {
    takesOldChannels ? ChannelData.oldNumbers : ChannelData.numbers
  }

  /// A relay for these users.
  ///
  /// - Parameter addresses: where relayed addresses are; none for where the server's own ports are.
  public init(_ credentials: RelayCredentials = RelayCredentials(), at addresses: RelayAddress...) {
    self.credentials = credentials
    self.addresses = addresses
  }
}

/// Where a relay's sockets are, and what is said of where they are.
public struct RelayAddress: Hashable, Sendable {
  /// This machine's address.
  public var local: IPAddress
  /// The address by which others reach it, where a NAT stands before it.
  public var announced: IPAddress

  /// An address of this machine's, which others know by the same name or by another.
  public init(_ local: IPAddress, announced: IPAddress? = nil) {
    self.local = local
    self.announced = announced ?? local
  }
}

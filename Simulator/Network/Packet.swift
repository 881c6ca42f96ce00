import WarrenMachine

/// An IP packet: what links carry, routers forward and NATs translate.
public struct Packet: Hashable, Sendable {
  /// Which packet it is in this run: it keeps its number through every translation.
  public var number: UInt64 = 0
  /// Who sent it. The port of an ICMP query is its identifier, as NATs see it (RFC 5508, 3.1).
  public var source: SocketAddress
  /// Where it goes.
  public var destination: SocketAddress
  /// How many more routers it may cross.
  public var hopLimit: UInt8 = 64
  /// What its header says of congestion.
  public var ecn = ECN.notCapable
  /// Whether routers may cut it (IPv4 without the don't-fragment bit). IPv6 routers never do.
  public var mayBeFragmented = false
  /// What it carries. A fragment carries what the whole packet did; `fragment` says which part of it.
  public var content: Content
  /// Which part of a larger packet this is.
  public var fragment: Fragment?

  /// What a packet carries.
  public enum Content: Hashable, Sendable {
    case udp(Payload)
    case tcp(TCPSegment)
    case icmp(ICMPMessage)
  }

  /// A packet.
  public init(from source: SocketAddress, to destination: SocketAddress, _ content: Content) {
    self.source = source
    self.destination = destination
    self.content = content
  }

  /// Its protocol.
  public var transport: Transport {
    switch content {
    case .udp: .udp
    case .tcp: .tcp
    case .icmp: .icmp
    }
  }

  /// Its size with all headers, in bytes: what a link carries and an MTU limits.
  public var size: Int {
    let header = source.ip.family == .v4 ? 20 : 40
    return header + (fragment?.length ?? transportSize)
  }

  /// The size of what follows the IP header of the whole packet.
  public var transportSize: Int {
    switch content {
    case .udp(let payload): 8 + payload.count
    case .tcp(let segment): 20 + segment.payload.count
    case .icmp(let message): message.size
    }
  }

  /// Whether a NAT can see its ports: not in fragments but the first (RFC 4787, 11).
  public var showsPorts: Bool { (fragment?.offset ?? 0) == 0 }
}

/// The protocols that NATs know.
public enum Transport: UInt8, Hashable, Sendable, CaseIterable {
  case icmp = 1
  case tcp = 6
  case udp = 17
}

/// A part of a packet that was cut (RFC 791, 3.2).
public struct Fragment: Hashable, Sendable {
  /// Which packet of its sender it belongs to.
  public var identification: UInt32
  /// Where in the whole it begins, in bytes behind the IP header.
  public var offset: Int
  /// How many bytes of the whole it carries.
  public var length: Int
  /// Whether it ends the whole.
  public var isLast: Bool

  /// A part.
  public init(identification: UInt32, offset: Int, length: Int, isLast: Bool) {
    self.identification = identification
    self.offset = offset
    self.length = length
    self.isLast = isLast
  }
}

/// A TCP segment (RFC 9293, 3.1). Options are taken as understood: the window counts bytes.
public struct TCPSegment: Hashable, Sendable {
  public struct Flags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let fin = Flags(rawValue: 1)
    public static let syn = Flags(rawValue: 2)
    public static let rst = Flags(rawValue: 4)
    public static let psh = Flags(rawValue: 8)
    public static let ack = Flags(rawValue: 16)
  }

  public var flags: Flags
  public var sequence: UInt32
  public var acknowledgement: UInt32
  public var window: UInt32
  public var payload: Payload

  /// A segment.
  public init(
    _ flags: Flags, sequence: UInt32, acknowledgement: UInt32 = 0, window: UInt32 = 0,
    payload: Payload = .empty
  ) {
    self.flags = flags
    self.sequence = sequence
    self.acknowledgement = acknowledgement
    self.window = window
    self.payload = payload
  }

  /// How much of the sequence space it takes: its bytes, and one each for SYN and FIN.
  public var length: UInt32 {
    UInt32(payload.count) + (flags.contains(.syn) ? 1 : 0) + (flags.contains(.fin) ? 1 : 0)
  }
}

/// An ICMP or ICMPv6 message, of the kinds that matter to NATs and sockets.
public enum ICMPMessage: Hashable, Sendable {
  case echoRequest(sequence: UInt16, Payload)
  case echoReply(sequence: UInt16, Payload)
  // Elsewhere in memory: it is large and seldom, and every packet would be as large.
  indirect case error(ICMPError)

  var size: Int {
    switch self {
    case .echoRequest(_, let payload), .echoReply(_, let payload): 8 + payload.count
    // The header, and as much of the offender as RFC 792 asks for: its IP header and eight bytes.
    case .error: 8 + 28
    }
  }
}

/// A report that a packet did not arrive.
public struct ICMPError: Hashable, Sendable {
  /// What stood in the way, in the words that sockets hear.
  public var reason: DeliveryFailure.Reason
  /// The packet that did not arrive, as far as it is quoted.
  public var offender: Offender

  /// The packet that an ICMP error is about.
  public struct Offender: Hashable, Sendable {
    public var transport: Transport
    public var source: SocketAddress
    public var destination: SocketAddress
    /// The sequence number of a TCP segment: a receiver believes no error without it (RFC 5927).
    public var sequence: UInt32
    /// The first bytes that it carried.
    public var excerpt: Payload

    /// What is quoted of `packet`.
    public init(_ packet: Packet) {
      transport = packet.transport
      source = packet.source
      destination = packet.destination
      switch packet.content {
      case .udp(let payload):
        sequence = 0
        excerpt = payload[0..<min(payload.count, 64)]
      case .tcp(let segment):
        sequence = segment.sequence
        excerpt = .empty
      case .icmp:
        sequence = 0
        excerpt = .empty
      }
    }
  }

  /// A report about a packet.
  public init(_ reason: DeliveryFailure.Reason, about packet: Packet) {
    self.reason = reason
    offender = Offender(packet)
  }
}

extension Packet {
  /// The ICMP error that `reporter` sends back about this packet; none about an ICMP error, a TCP reset or a
  /// later fragment (RFC 1122, 3.2.2).
  public func failure(_ reason: DeliveryFailure.Reason, reportedBy reporter: IPAddress) -> Packet? {
    if case .icmp(.error) = content { return nil }
    if case .tcp(let segment) = content, segment.flags.contains(.rst) { return nil }
    guard showsPorts, !destination.ip.isMulticast else { return nil }
    return Packet(
      from: SocketAddress(reporter, port: 0), to: SocketAddress(source.ip, port: 0),
      .icmp(.error(ICMPError(reason, about: self))))
  }
}

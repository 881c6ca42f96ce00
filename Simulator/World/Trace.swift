import WarrenMachine

/// Everything that happened in a run, with a hash by which two runs are compared.
public struct Trace: Sendable {
  /// One thing that happened.
  public struct Event: Hashable, Sendable {
    /// When, on the world's clock.
    public var time: Instant
    /// Where: a machine, a NAT or a network.
    public var place: String
    /// What.
    public var happening: Happening
  }

  /// What can happen.
  public enum Happening: Hashable, Sendable {
    case sent(Summary)
    case forwarded(Summary)
    case delivered(Summary)
    case dropped(Summary, reason: String)
    case note(String)
  }

  /// A packet, as far as a trace tells.
  ///
  /// Its bytes are left out: key shares that a TLS library draws by itself differ between runs, their size does
  /// not.
  public struct Summary: Hashable, Sendable {
    public var number: UInt64
    public var transport: Transport
    public var source: SocketAddress
    public var destination: SocketAddress
    public var size: Int
    public var hopLimit: UInt8
    public var detail: Detail

    /// What more there is to say of one protocol's packets.
    public enum Detail: Hashable, Sendable {
      case none
      case segment(TCPSegment.Flags, sequence: UInt32, acknowledgement: UInt32)
      case failure(DeliveryFailure.Reason)
    }
  }

  /// The last events, as many as the world was told to keep.
  public private(set) var events: [Event] = []
  /// How many events there were.
  public private(set) var count = 0
  /// A hash of all events so far.
  public private(set) var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
  /// The hash after every 1,024 events: where two of these first differ, two runs parted.
  public private(set) var checkpoints: [UInt64] = []

  private let kept: Int

  init(keeping kept: Int) {
    self.kept = kept
  }

  mutating func record(_ happening: Happening, at place: Place, _ time: Instant) {
    count += 1
    mix(UInt64(bitPattern: time.nanoseconds))
    mix(UInt64(place.id))
    mix(happening)
    if count % 1024 == 0 { checkpoints.append(hash) }
    guard kept > 0 else { return }
    // Twice as many are let grow, so that dropping the oldest costs little each.
    if events.count >= 2 * kept { events.removeFirst(events.count - kept) }
    events.append(Event(time: time, place: place.name, happening: happening))
  }

  /// Where something happened: by name for people, by number for the hash.
  struct Place {
    var id: Int
    var name: String
  }

  private mutating func mix(_ value: UInt64) {
    hash = (hash ^ value) &* 0x9FB2_1C65_1E98_DF25
    hash ^= hash >> 32
  }

  private mutating func mix(_ text: String) {
    for byte in text.utf8 { mix(UInt64(byte)) }
  }

  private mutating func mix(_ happening: Happening) {
    switch happening {
    case .sent(let packet):
      mix(1)
      mix(packet)
    case .forwarded(let packet):
      mix(2)
      mix(packet)
    case .delivered(let packet):
      mix(3)
      mix(packet)
    case .dropped(let packet, let reason):
      mix(4)
      mix(packet)
      mix(reason)
    case .note(let text):
      mix(5)
      mix(text)
    }
  }

  private mutating func mix(_ address: SocketAddress) {
    mix(address.ip.high)
    mix(address.ip.low)
    mix(UInt64(address.port))
  }

  private mutating func mix(_ packet: Summary) {
    mix(packet.number)
    mix(UInt64(packet.transport.rawValue) << 48 | UInt64(packet.hopLimit) << 40 | UInt64(packet.size))
    mix(packet.source)
    mix(packet.destination)
    if case .segment(let flags, let sequence, let acknowledgement) = packet.detail {
      mix(UInt64(flags.rawValue))
      mix(UInt64(sequence) << 32 | UInt64(acknowledgement))
    }
  }
}

extension Trace.Summary {
  init(_ packet: Packet) {
    number = packet.number
    transport = packet.transport
    source = packet.source
    destination = packet.destination
    size = packet.size
    hopLimit = packet.hopLimit
    switch packet.content {
    case .udp, .icmp(.echoRequest), .icmp(.echoReply): detail = .none
    case .tcp(let segment):
      detail = .segment(
        segment.flags, sequence: segment.sequence, acknowledgement: segment.acknowledgement)
    case .icmp(.error(let error)): detail = .failure(error.reason)
    }
  }
}

// MARK: For people

extension Trace: CustomStringConvertible {
  /// A line for each event that was kept.
  public var description: String { events.map { "\($0)\n" }.joined() }
}

extension Trace.Event: CustomStringConvertible {
  /// `0.012500 s  alice's NAT  forwarded #3 UDP 203.0.113.1:40000 -> 203.0.113.2:3478, 48 bytes`
  public var description: String {
    let padded = place + String(repeating: " ", count: max(0, 14 - place.count))
    return "\(time)  \(padded)  \(happening)"
  }
}

extension Trace.Happening: CustomStringConvertible {
  public var description: String {
    switch self {
    case .sent(let packet): "sent       \(packet)"
    case .forwarded(let packet): "forwarded  \(packet)"
    case .delivered(let packet): "delivered  \(packet)"
    case .dropped(let packet, let reason): "dropped    \(packet): \(reason)"
    case .note(let text): text
    }
  }
}

extension Trace.Summary: CustomStringConvertible {
  public var description: String {
    let name =
      switch transport {
      case .udp: "UDP"
      case .tcp: "TCP"
      case .icmp: "ICMP"
      }
    let extra =
      switch detail {
      case .none: ""
      case .segment(let flags, let sequence, let acknowledgement):
        ", \(flags) \(sequence)/\(acknowledgement)"
      case .failure(let reason): ", \(reason)"
      }
    return "#\(number) \(name) \(source) -> \(destination), \(size) bytes, hop limit \(hopLimit)\(extra)"
  }
}

extension TCPSegment.Flags: CustomStringConvertible {
  /// `SYN+ACK`.
  public var description: String {
    let names: [(TCPSegment.Flags, String)] = [
      (.syn, "SYN"), (.fin, "FIN"), (.rst, "RST"), (.psh, "PSH"), (.ack, "ACK"),
    ]
    return names.filter { contains($0.0) }.map(\.1).joined(separator: "+")
  }
}

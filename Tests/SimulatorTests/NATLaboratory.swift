import WarrenMachine
import WarrenSimulator

/// One NAT with two hosts inside and two outside, and a clock that is moved by hand.
struct NATLaboratory {
  static let x1 = IPAddress(192, 168, 1, 2)
  static let x2 = IPAddress(192, 168, 1, 3)
  static let y = IPAddress(203, 0, 113, 1)
  static let z = IPAddress(203, 0, 113, 2)
  static let outsideAddress = IPAddress(198, 51, 100, 1)
  static let pool = (0..<4).map { outsideAddress.advanced(by: $0) }

  var nat: NATCore
  var now = Instant(nanoseconds: 1_000_000_000)
  private(set) var output: [NATOutput] = []

  init(
    _ configuration: NATConfiguration, outside: [IPAddress] = [outsideAddress],
    inside: [IPPrefix] = [IPPrefix(IPAddress(192, 168, 1, 0), length: 24)], seed: UInt64 = 1
  ) {
    nat = NATCore(
      configuration, outside: outside, inside: inside, random: SimulatorRandom(seed: seed, stream: "nat"))
  }

  /// Hands a packet in; what came of it is in `output`.
  mutating func put(_ packet: Packet, from side: NATSide) {
    output.removeAll(keepingCapacity: true)
    nat.receive(packet, from: side, at: now, into: &output)
  }

  /// Lets time pass, as a world does: every deadline is kept.
  mutating func wait(_ duration: Duration) {
    let end = now.advanced(by: duration)
    output.removeAll(keepingCapacity: true)
    while let deadline = nat.nextDeadline, deadline <= end {
      now = max(now, deadline)
      nat.handleDeadline(at: now, into: &output)
    }
    now = end
  }

  // MARK: What came out

  /// The packets that went to a side.
  func packets(toward side: NATSide) -> [Packet] {
    output.compactMap { if case .forward(let packet, toward: side) = $0 { packet } else { nil } }
  }

  var drop: NATDropReason? {
    output.lazy.compactMap { if case .dropped(_, let reason) = $0 { reason } else { nil } }.first
  }

  // MARK: UDP in short

  /// Sends from inside.
  ///
  /// - Returns: where the outside sees it come from; nil if it did not get there.
  @discardableResult
  mutating func send(
    _ source: SocketAddress, to destination: SocketAddress, _ text: String = "x"
  ) -> SocketAddress? {
    put(.udp(source, destination, text), from: .inside)
    return packets(toward: .outside).first { $0.transport == .udp }?.source
  }

  /// Sends from outside.
  ///
  /// - Returns: which inside socket gets it; nil if none does.
  @discardableResult
  mutating func answer(
    _ source: SocketAddress, to destination: SocketAddress, _ text: String = "x"
  ) -> SocketAddress? {
    put(.udp(source, destination, text), from: .outside)
    return packets(toward: .inside).first { $0.transport == .udp }?.destination
  }

  // MARK: TCP in short

  /// Sends a segment.
  ///
  /// - Returns: the packet on the other side; nil if it did not get there.
  @discardableResult
  mutating func segment(
    _ flags: TCPSegment.Flags, _ source: SocketAddress, to destination: SocketAddress, from side: NATSide
  ) -> Packet? {
    put(Packet(from: source, to: destination, .tcp(TCPSegment(flags, sequence: 1000))), from: side)
    return packets(toward: side.opposite).first { $0.transport == .tcp }
  }

  /// Opens a connection from inside by three segments.
  ///
  /// - Returns: where the outside sees it come from.
  @discardableResult
  mutating func connect(_ source: SocketAddress, to destination: SocketAddress) -> SocketAddress? {
    guard let mapped = segment(.syn, source, to: destination, from: .inside)?.source else { return nil }
    segment([.syn, .ack], destination, to: mapped, from: .outside)
    segment(.ack, source, to: destination, from: .inside)
    return mapped
  }
}

extension Packet {
  static func udp(_ source: SocketAddress, _ destination: SocketAddress, _ text: String = "x") -> Packet {
    Packet(from: source, to: destination, .udp(Payload([UInt8](text.utf8))))
  }

  /// The parts of a packet, cut after so many bytes.
  func cut(after length: Int, identification: UInt32 = 7) -> [Packet] {
    stride(from: 0, to: transportSize, by: length).map { offset in
      var part = self
      let end = min(offset + length, transportSize)
      part.fragment = Fragment(
        identification: identification, offset: offset, length: end - offset, isLast: end == transportSize)
      return part
    }
  }

  var report: ICMPError? { if case .icmp(.error(let error)) = content { error } else { nil } }
}

extension IPAddress {
  func port(_ port: UInt16) -> SocketAddress { SocketAddress(self, port: port) }
}

// The cast, as in the table of requirements: X1 and X2 inside, Y and Z outside.
let x1 = NATLaboratory.x1.port(5000)
let x2 = NATLaboratory.x2.port(5000)
let y1 = NATLaboratory.y.port(1111)
let y2 = NATLaboratory.y.port(2222)
let z1 = NATLaboratory.z.port(1111)

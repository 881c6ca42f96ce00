import WarrenMachine

/// The ways on which a handshake is tried at once, where it is not known yet which of them leads to the other side.
///
/// The library is told of one path only, ``NetworkPath/open``, which stands for all of them. The way on which the handshake
/// was done is what it stands for ever after.
struct Ways {
  /// All that are known.
  private(set) var all: [NetworkPath]
  /// The one on which the handshake was done.
  private(set) var settled: NetworkPath?
  /// Whether anything has come over one of them.
  var isHeard = false
  /// What has been sent last: ways that become known later get it at once.
  private(set) var flight: [[UInt8]] = []
  /// When the last of that was sent first, by the library's clock.
  private(set) var sentAt: UInt64?

  init(_ ways: [NetworkPath]) { all = Array(ways.prefix(QUICLimits.ways)) }

  /// - Returns: whether it was not known yet, and there is room.
  mutating func add(_ way: NetworkPath) -> Bool {
    guard settled == nil, all.count < QUICLimits.ways, !all.contains(where: { $0.isSame(as: way) }) else {
      return false
    }
    all.append(way)
    return true
  }

  /// Whether what comes over this path came over the one that the library knows.
  ///
  /// - Parameter isHandshake: whether it begins with a packet of the handshake: the other side may not know yet that it is
  ///   done, and send such over all ways.
  ///
  /// It changes nothing. It is `mutating` so that it is asked in place: otherwise each packet copies all of this first.
  mutating func include(_ path: NetworkPath, isHandshake: Bool, on side: ConnectionCore.Side) -> Bool {
    guard let settled else { return true }
    if settled.isSame(as: path) { return true }
    return side == .server ? isHandshake : all.contains { $0.isSame(as: path) }
  }

  mutating func remember(_ packet: [UInt8], sentAt now: UInt64) {
    sentAt = now
    if flight.count >= QUICLimits.flight { flight.removeFirst() }
    flight.append(packet)
  }

  mutating func settle(on way: NetworkPath) {
    settled = way
    flight = []
  }

  /// The connection goes on over this one: what comes there did not come over another.
  mutating func leave(for way: NetworkPath) { all.removeAll { $0.isSame(as: way) } }
}

extension NetworkPath {
  /// What stands for all ways of a handshake, and leads nowhere by itself.
  static let open = NetworkPath(to: SocketAddress(.any(.v6), port: 1), through: openChannel)
  /// No endpoint has so many sockets.
  static let openChannel = UInt16.max
  static let codedOpen = open.coded

  /// Whether they are one, whichever of this machine's addresses it begins at.
  package func isSame(as other: NetworkPath) -> Bool { channel == other.channel && remote == other.remote }
}

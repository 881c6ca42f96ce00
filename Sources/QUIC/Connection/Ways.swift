import WarrenMachine

/// The ways on which a handshake is tried at once, where it is not known yet which of them leads to the other side.
///
/// The library is told of one path only, ``NetworkPath/open``, which stands for all of them. The way on which the handshake
/// was done is what it stands for ever after.
struct Ways {
  /// All that are known.
  private(set) var all: [NetworkPath]
  /// When something of the flight was said last on each of them.
  private var saidAt: [Instant?]
  /// The one on which the handshake was done.
  private(set) var settled: NetworkPath?
  /// Whether that leads nowhere any more, before the other side has said that the handshake is done for it as well: what is said
  /// leaves over all of them again, until something comes on one.
  private(set) var isReopened = false
  /// Whether anything has come over one of them.
  var isHeard = false
  /// What has been sent first, and last: ways that become known later get it at once.
  private(set) var flight: [[UInt8]] = []
  /// When the last of that was sent first, by the library's clock.
  private(set) var sentAt: UInt64?

  /// When the flight is said again, as long as nothing has come back.
  private(set) var nextSaying: Instant?
  private var pause = Duration.zero

  init(_ ways: [NetworkPath]) {
    all = Array(ways.prefix(QUICLimits.ways))
    saidAt = all.map { _ in nil }
  }

  /// - Returns: whether it was not known yet, and there is room.
  mutating func add(_ way: NetworkPath) -> Bool {
    guard settled == nil, all.count < QUICLimits.ways, !all.contains(where: { $0.isSame(as: way) }) else {
      return false
    }
    all.append(way)
    saidAt.append(nil)
    return true
  }

  /// The flight was said on this way, or on all.
  mutating func said(on way: NetworkPath? = nil, at now: Instant) {
    for place in all.indices where way.map({ $0.isSame(as: all[place]) }) ?? true { saidAt[place] = now }
  }

  /// When that was said last to which something may be the answer that has come here; where it comes from elsewhere, on any way.
  func lastSaid(on way: NetworkPath) -> Instant? {
    if let place = all.firstIndex(where: { $0.isSame(as: way) }), let said = saidAt[place] { return said }
    return saidAt.compactMap { $0 }.max()
  }

  /// It is said again after so long, and each time twice as long after the last (RFC 9002, 6.2.1).
  mutating func sayAgain(after time: Duration, at now: Instant) {
    pause = nextSaying == nil ? time : pause * 2
    nextSaying = now.advanced(by: pause)
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
    // Without the first packet the others begin nothing.
    if flight.count >= QUICLimits.flight { flight.remove(at: 1) }
    flight.append(packet)
  }

  mutating func settle(on way: NetworkPath) {
    settled = way
    isReopened = false
    flight = []
  }

  /// Another may lead to the other side where the one that was settled on does not.
  ///
  /// - Returns: whether there is room for it, and it is another.
  mutating func reopen(with way: NetworkPath) -> Bool {
    guard let settled, !settled.isSame(as: way) else { return false }
    if !all.contains(where: { $0.isSame(as: way) }) {
      guard all.count < QUICLimits.ways else { return false }
      all.append(way)
      saidAt.append(nil)
    }
    isReopened = true
    return true
  }

  /// Nothing of it has to be said again.
  mutating func forgetFlight() { if !flight.isEmpty { flight = [] } }

  /// The connection goes on over this one: what comes there did not come over another.
  mutating func leave(for way: NetworkPath) {
    guard let place = all.firstIndex(where: { $0.isSame(as: way) }) else { return }
    all.remove(at: place)
    saidAt.remove(at: place)
  }
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

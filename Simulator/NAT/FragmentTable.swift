import WarrenMachine

/// Packets that come in parts: only the first shows the ports, the others follow it (RFC 4787, 11).
struct FragmentTable: Sendable {
  /// Which packet a fragment is a part of.
  struct Key: Hashable, Sendable {
    var side: NATSide
    var transport: Transport
    var source, destination: IPAddress
    var identification: UInt32
  }

  /// What became of the first fragment.
  enum Fate: Sendable {
    case passed(source: SocketAddress, destination: SocketAddress, toward: NATSide)
    case dropped(NATDropReason)
  }

  private struct Whole: Sendable {
    var fate: Fate?
    var held: [Packet] = []
    /// How many of its bytes have come, and how many there are, as soon as that is known.
    var seen = 0
    var total: Int?
    var expiry: Instant
  }

  private let policy: NATConfiguration.Fragments
  private var wholes: [Key: Whole] = [:]
  private var deadlines = DeadlineQueue<Key>()
  private(set) var heldCount = 0
  /// As long as hosts wait for the rest of a packet.
  private static let patience: Int64 = 30_000_000_000

  init(_ policy: NATConfiguration.Fragments) { self.policy = policy }

  var nextDeadline: Instant? { deadlines.earliest }

  /// What became of the first fragment; nil if it has not come yet.
  func fate(_ key: Key) -> Fate? { wholes[key]?.fate }

  /// Keeps a fragment until the first one comes, if that is allowed.
  mutating func hold(_ packet: Packet, _ key: Key, at now: Instant) throws(NATDropReason) {
    guard case .outOfOrder(let limit) = policy else { throw .fragmentOutOfOrder }
    guard heldCount < limit else { throw .fragmentBufferFull }
    heldCount += 1
    enter(key, at: now)
    wholes[key]?.held.append(packet)
  }

  /// Writes down what became of the first fragment.
  ///
  /// - Returns: those that have waited for it.
  mutating func decide(_ key: Key, _ fate: Fate, at now: Instant) -> [Packet] {
    enter(key, at: now)
    let held = wholes[key]?.held ?? []
    wholes[key]?.held = []
    wholes[key]?.fate = fate
    heldCount -= held.count
    return held
  }

  /// Forgets a packet when all its parts have gone their way.
  mutating func count(_ fragment: Fragment, _ key: Key) {
    wholes[key]?.seen += fragment.length
    if fragment.isLast { wholes[key]?.total = fragment.offset + fragment.length }
    if let whole = wholes[key], let total = whole.total, whole.seen >= total { wholes[key] = nil }
  }

  mutating func expire(at now: Instant, into output: inout [NATOutput]) {
    while let entry = deadlines.takeDue(at: now) {
      guard let whole = wholes[entry.element], whole.expiry == entry.deadline else { continue }
      wholes[entry.element] = nil
      heldCount -= whole.held.count
      for packet in whole.held { output.append(.dropped(packet, .fragmentIncomplete)) }
    }
  }

  private mutating func enter(_ key: Key, at now: Instant) {
    guard wholes[key] == nil else { return }
    let expiry = now.after(FragmentTable.patience)
    wholes[key] = Whole(expiry: expiry)
    deadlines.insert(key, at: expiry)
  }
}

extension NATCore {
  mutating func receiveFragment(
    _ packet: Packet, from side: NATSide, at now: Instant, into output: inout [NATOutput]
  ) {
    guard let fragment = packet.fragment, configuration.fragments != .none else {
      output.append(.dropped(packet, .fragment))
      return
    }
    let key = FragmentTable.Key(
      side: side, transport: packet.transport, source: packet.source.ip,
      destination: packet.destination.ip, identification: fragment.identification)
    if packet.showsPorts {
      receiveFirst(packet, fragment, key, at: now, into: &output)
    } else if let fate = fragments.fate(key) {
      follow(fate, packet, from: side, into: &output)
      fragments.count(fragment, key)
    } else {
      do throws(NATDropReason) {
        try fragments.hold(packet, key, at: now)
      } catch {
        output.append(.dropped(packet, error))
      }
    }
  }

  private mutating func receiveFirst(
    _ packet: Packet, _ fragment: Fragment, _ key: FragmentTable.Key, at now: Instant,
    into output: inout [NATOutput]
  ) {
    receiveWhole(packet, from: key.side, at: now, into: &output)
    // Its fate is what was said last.
    let fate: FragmentTable.Fate
    switch output[output.count - 1] {
    case .forward(let passed, let exit):
      fate = .passed(source: passed.source, destination: passed.destination, toward: exit)
    case .dropped(_, let reason): fate = .dropped(reason)
    }
    let held = fragments.decide(key, fate, at: now)
    fragments.count(fragment, key)
    for later in held {
      follow(fate, later, from: key.side, into: &output)
      if let part = later.fragment { fragments.count(part, key) }
    }
  }

  private mutating func follow(
    _ fate: FragmentTable.Fate, _ packet: Packet, from side: NATSide, into output: inout [NATOutput]
  ) {
    switch fate {
    case .dropped(let reason): output.append(.dropped(packet, reason))
    case .passed(let source, let destination, let exit):
      var passing = packet
      do throws(NATDropReason) {
        try lowerHopLimit(of: &passing, from: side, into: &output)
      } catch {
        output.append(.dropped(packet, error))
        return
      }
      passing.source = source
      passing.destination = destination
      output.append(.forward(passing, toward: exit))
    }
  }
}

import WarrenMachine

/// Where others are, as far as somebody has said, and whom to try next, without I/O.
package struct PlainAddressBook {
  private enum State: Hashable { case waiting, dialled, linked, own }

  private struct Entry {
    var state = State.waiting
    var failures = 0
    /// When it may be tried.
    var next: Instant
  }

  private let interval: Duration
  private var entries: [SocketAddress: Entry] = [:]
  private var random: MeshRandom

  /// - Parameter interval: how long after a failure somebody is tried again; it doubles.
  package init(interval: Duration = PlainLimits.discoveryInterval, seed: UInt64) {
    self.interval = interval
    random = MeshRandom(seed)
  }

  package var addresses: [SocketAddress] { entries.filter { $0.value.state != .own }.keys.sorted() }
  private var dials: Int { entries.values.count { $0.state == .dialled } }

  /// Somebody has told of them.
  ///
  /// - Returns: those that are new.
  package mutating func heard(of addresses: [SocketAddress], at now: Instant) -> [SocketAddress] {
    addresses.filter { add($0, at: now) }
  }

  private mutating func add(_ address: SocketAddress, at now: Instant) -> Bool {
    guard entries[address] == nil else { return false }
    if entries.count >= PlainLimits.addresses {
      // Whoever was never reached makes room, the one that was tried most often first.
      let worst = entries.filter { $0.value.failures > 0 && $0.value.state == .waiting }
        .max { ($0.value.failures, $1.key) < ($1.value.failures, $0.key) }
      guard let worst else { return false }
      entries[worst.key] = nil
    }
    let jitter = PlainLimits.dialJitter * Double.random(in: 0..<1, using: &random)
    entries[address] = Entry(next: now.advanced(by: jitter))
    return true
  }

  /// This node answers there.
  package mutating func isOwn(_ address: SocketAddress, at now: Instant) {
    entries[address] = Entry(state: .own, next: now)
  }

  /// Somebody is tried by hand.
  package mutating func began(_ address: SocketAddress, at now: Instant) {
    entries[address, default: Entry(next: now)].state = .dialled
  }

  package mutating func failed(_ address: SocketAddress, at now: Instant) {
    guard var entry = entries[address], entry.state == .dialled else { return }
    entry.state = .waiting
    let pause = min(interval * (1 << min(entry.failures, 10)), PlainLimits.lastRetry)
    entry.failures += 1
    entry.next = now.advanced(by: pause)
    entries[address] = entry
  }

  /// There is a connection with whoever is there.
  package mutating func linked(_ address: SocketAddress, at now: Instant) {
    entries[address] = Entry(state: .linked, next: now)
  }

  /// There is none any more: it may come back.
  package mutating func unlinked(_ address: SocketAddress, at now: Instant) {
    guard entries[address]?.state == .linked else { return }
    entries[address] = Entry(state: .dialled, next: now)
    failed(address, at: now)
  }

  /// All that wait are tried again, now.
  package mutating func retry(at now: Instant) {
    for address in entries.keys.sorted() where entries[address]!.state == .waiting {
      entries[address]!.next = now
    }
  }

  /// Whom to try now, if there is room for so many more.
  package mutating func nextDials(room: Int, at now: Instant) -> [SocketAddress] {
    let due = waiting.filter { entries[$0]!.next <= now }.shuffled(using: &random)
    let dialled = due.prefix(max(0, min(room, PlainLimits.dials) - dials))
    for address in dialled { entries[address]!.state = .dialled }
    return Array(dialled)
  }

  /// When to ask for ``nextDials(room:at:)``.
  package func nextDeadline(room: Int) -> Instant {
    guard min(room, PlainLimits.dials) > dials else { return .distantFuture }
    return waiting.map { entries[$0]!.next }.min() ?? .distantFuture
  }

  private var waiting: [SocketAddress] { entries.filter { $0.value.state == .waiting }.keys.sorted() }
}

import WarrenCrypto
import WarrenMachine

/// Keeps who is being introduced to whom, without I/O: who may answer, who may say something to whom, and for how long.
///
/// ```
///   begun ──accepted──► open ──signals both ways──► ended by either, by time, or because one is gone
///     └──denied, time──► ended
/// ```
struct IntroductionDesk: Sendable {
  /// Two who are being introduced.
  struct Pair: Hashable, Sendable {
    var caller: PeerID
    var callee: PeerID
    /// The caller's request, as long as it has not been answered.
    var question: UInt32?

    /// The one who is not `peer`; nil where `peer` is neither.
    func other(than peer: PeerID) -> PeerID? {
      if peer == caller { return callee }
      return peer == callee ? caller : nil
    }
  }

  private let patience: Duration
  private let capacity: Int
  private let capacityEach: Int
  private var pairs: [UInt64: Pair] = [:]
  /// Those of which a peer is one side.
  private var numbers: [PeerID: [UInt64]] = [:]
  /// How many a peer has asked for: those who ask for it do not keep it from asking.
  private var asked: [PeerID: Int] = [:]
  /// In the order in which their time is over; some have ended.
  private var queue = Queue<(id: UInt64, until: Instant)>()
  /// Until when those go on whose time was begun anew with their consent.
  private var prolonged: [UInt64: Instant] = [:]
  private var lastID: UInt64 = 0

  /// A desk where nobody is.
  ///
  /// - Parameters:
  ///   - patience: for how long two are introduced.
  ///   - capacity: how many are open at most, in total and of one caller's.
  init(
    patience: Duration = RegistryLimits.introductionPatience, capacity: Int = RegistryLimits.introductions,
    each: Int = RegistryLimits.introductionsOfPeer
  ) {
    self.patience = patience
    self.capacity = capacity
    capacityEach = each
  }

  /// How many are open.
  var count: Int { pairs.count }

  /// Somebody asks for somebody.
  ///
  /// - Parameter question: the number of its request, where it is the other's to answer.
  mutating func begin(
    _ caller: PeerID, with callee: PeerID, question: UInt32?, at now: Instant
  ) throws(RegistryError) -> UInt64 {
    guard pairs.count < capacity else {
      throw RegistryError(.full, "too many are being introduced: try again in a moment")
    }
    guard asked[caller] ?? 0 < capacityEach else {
      throw RegistryError(
        .tooFast, "you have asked for \(capacityEach) others already: wait for some answers")
    }
    lastID += 1
    pairs[lastID] = Pair(caller: caller, callee: callee, question: question)
    asked[caller, default: 0] += 1
    numbers[caller, default: []].append(lastID)
    numbers[callee, default: []].append(lastID)
    queue.append((lastID, now.advanced(by: patience)))
    forgetEnded()
    return lastID
  }

  /// Who was asked says yes.
  ///
  /// - Returns: the two, and the caller's request; nil where it was not asked, or has answered already.
  mutating func accept(
    _ id: UInt64, by peer: PeerID, at now: Instant
  ) -> (pair: Pair, question: UInt32)? {
    guard let pair = pairs[id], pair.callee == peer, let question = pair.question else { return nil }
    pairs[id]?.question = nil
    // A person who has thought about it for long has not used up the time that the two have.
    prolonged[id] = now.advanced(by: patience)
    queue.append((id, now.advanced(by: patience)))
    forgetEnded()
    return (pair, question)
  }

  /// Who was asked says no, or no more.
  ///
  /// - Returns: whom of the two it was about, and that it is over; nil where it was not asked.
  mutating func deny(_ id: UInt64, by peer: PeerID) -> Pair? {
    guard pairs[id]?.callee == peer else { return nil }
    return end(id, by: peer)
  }

  /// To whom goes what `peer` says; nil where it may not say anything.
  func listener(_ id: UInt64, to peer: PeerID) -> PeerID? {
    guard let pair = pairs[id], pair.question == nil else { return nil }
    return pair.other(than: peer)
  }

  /// Who knows where a peer is, and by which introduction: whoever was asked by it, and those with whom it has agreed.
  func watchers(of peer: PeerID) -> [(id: UInt64, watcher: PeerID)] {
    (numbers[peer] ?? []).compactMap { id in
      guard let pair = pairs[id], pair.question == nil || pair.caller == peer else { return nil }
      return pair.other(than: peer).map { (id, $0) }
    }
  }

  /// Whom of the two it was about, and that it is over.
  @discardableResult
  mutating func end(_ id: UInt64, by peer: PeerID) -> Pair? {
    guard let pair = pairs[id], pair.other(than: peer) != nil else { return nil }
    remove(id, pair)
    return pair
  }

  /// Somebody does not want any more what it asked for with this number, and what has not been answered.
  mutating func forget(_ question: UInt32, by caller: PeerID) -> (id: UInt64, pair: Pair)? {
    let id = numbers[caller]?.first { pairs[$0]?.question == question && pairs[$0]?.caller == caller }
    return id.flatMap { id in end(id, by: caller).map { (id, $0) } }
  }

  /// Somebody is gone: all that it was part of is over.
  mutating func leave(_ peer: PeerID) -> [(id: UInt64, pair: Pair)] {
    (numbers[peer] ?? []).compactMap { id in end(id, by: peer).map { (id, $0) } }
  }

  /// Those that have taken too long, and are over.
  mutating func takeExpired(at now: Instant) -> [(id: UInt64, pair: Pair)] {
    var expired: [(id: UInt64, pair: Pair)] = []
    while let first = queue.first, first.until <= now || isStale(first) {
      _ = queue.popFirst()
      guard !isStale(first), let pair = pairs[first.id] else { continue }
      remove(first.id, pair)
      expired.append((first.id, pair))
    }
    return expired
  }

  /// Most end long before their time: as soon as they are more than the others in the queue, they leave it.
  private mutating func forgetEnded() {
    guard queue.count > 2 * pairs.count + 64 else { return }
    var left = Queue<(id: UInt64, until: Instant)>()
    while let next = queue.popFirst() { if !isStale(next) { left.append(next) } }
    queue = left
  }

  private func isStale(_ entry: (id: UInt64, until: Instant)) -> Bool {
    pairs[entry.id] == nil || prolonged[entry.id].map { $0 > entry.until } ?? false
  }

  /// When to call ``takeExpired(at:)``.
  var nextDeadline: Instant? { queue.first?.until }

  private mutating func remove(_ id: UInt64, _ pair: Pair) {
    pairs[id] = nil
    prolonged[id] = nil
    asked[pair.caller]! -= 1
    if asked[pair.caller] == 0 { asked[pair.caller] = nil }
    for peer in [pair.caller, pair.callee] {
      numbers[peer]?.removeAll { $0 == id }
      if numbers[peer]?.isEmpty ?? false { numbers[peer] = nil }
    }
  }
}

import WarrenCrypto
import WarrenMachine

/// Which connection with whom counts, without I/O: two who dial each other at once end with one.
///
/// Of two tries, the one of the peer with the lower key has the right of way. The other's connection is held back as long as
/// that may still come of something, and is closed when it does: nobody has used it yet.
///
/// Of several tries of one side's, by a name and by a key for example, that side knows which it keeps: the other side takes the
/// first, and has the others as spares until the dialler has closed all but one.
///
/// ```
///   ours or theirs done ──it has the right of way, or is the only one──► adopted
///          └──the other is under way──► held ──the other fails, or takes too long──► adopted
///                                         └──the other is done, and lasts──► dropped
/// ```
struct LinkTable<Item: AnyObject> {
  /// Who has begun a try.
  enum Side {
    case ours, theirs

    var other: Side { self == .ours ? .theirs : .ours }
  }

  /// What becomes of a connection.
  enum Verdict {
    /// It is the one.
    case adopt
    /// It is the one, in place of this one, which the other side knows nothing of any more.
    case replace(Item)
    /// The other side's try has the right of way, or the dialler may keep another: it waits.
    case hold
    /// There is another.
    case drop
  }

  private enum Try {
    case none, underWay
    case held(Item)
  }

  private struct Pair {
    var ours = Try.none
    var theirs = Try.none
    var adopted: (item: Item, side: Side, at: Instant)?
    /// Others of the other side's that are done, the oldest first.
    var spares: [Item] = []

    subscript(side: Side) -> Try {
      get { side == .ours ? ours : theirs }
      set { if side == .ours { ours = newValue } else { theirs = newValue } }
    }

    mutating func spare(_ item: Item) -> Verdict {
      guard spares.count < PeerLimits.introductionsOfOne else { return .drop }
      spares.append(item)
      return .hold
    }

    var held: [Item] {
      [ours, theirs].compactMap { if case .held(let item) = $0 { item } else { nil } }
    }

    /// The first that is held back, or this one if it is, is not any more.
    mutating func takeHeld(_ wanted: Item? = nil) -> (item: Item, side: Side)? {
      for side in [Side.ours, .theirs] {
        guard case .held(let item) = self[side], wanted == nil || item === wanted else { continue }
        self[side] = .none
        return (item, side)
      }
      return nil
    }

    var isEmpty: Bool {
      if case (.none, .none, nil) = (ours, theirs, adopted) { spares.isEmpty } else { false }
    }
  }

  private let me: PeerID
  private var pairs: [PeerID: Pair] = [:] {
    didSet { inOrder = nil }
  }
  /// The connections in the order of their peers, as long as nothing has changed: they are looked through again and again.
  private var inOrder: [Item]?

  init(of me: PeerID) { self.me = me }

  /// The connection with a peer.
  func adopted(_ peer: PeerID) -> Item? { pairs[peer]?.adopted?.item }

  /// All connections with a peer: the one, and those that are held back.
  func all(_ peer: PeerID) -> [Item] {
    guard let pair = pairs[peer] else { return [] }
    return pair.held + pair.spares + [pair.adopted?.item].compactMap { $0 }
  }

  /// With whom there is a connection, in a fixed order.
  var peers: [PeerID] { pairs.filter { $0.value.adopted != nil }.keys.sorted() }

  /// The connections, in the same order.
  var items: [Item] {
    mutating get {
      if let inOrder { return inOrder }
      let items = peers.compactMap { pairs[$0]?.adopted?.item }
      inOrder = items
      return items
    }
  }

  /// Whether a peer that comes has no connection with this one, or cannot know of it any more.
  func isWelcome(_ peer: PeerID, at now: Instant) -> Bool {
    guard let adopted = pairs[peer]?.adopted else { return true }
    return adopted.at.duration(to: now) >= PeerLimits.young
  }

  /// The same for one whose handshake is nearly done: it may have begun another at once.
  func mayCome(_ peer: PeerID, at now: Instant) -> Bool {
    guard let adopted = pairs[peer]?.adopted, adopted.side == .theirs else { return isWelcome(peer, at: now) }
    return adopted.at.duration(to: now) < PeerLimits.crossing || isWelcome(peer, at: now)
  }

  /// Whether the other try waits for one of this side's, where there are both.
  func hasRightOfWay(_ side: Side, with peer: PeerID) -> Bool { (me < peer) == (side == .ours) }

  /// Whether a try of this side's is under way.
  func isDialling(_ peer: PeerID) -> Bool {
    if case .none = pairs[peer]?.ours ?? .none { false } else { true }
  }

  /// Whether a try of the other side's is under way, or waits.
  func isAnswering(_ peer: PeerID) -> Bool {
    if case .none = pairs[peer]?.theirs ?? .none { false } else { true }
  }

  /// A try begins. One that is held back still is.
  mutating func began(_ side: Side, with peer: PeerID) {
    if case .held = pairs[peer]?[side] { return }
    pairs[peer, default: Pair()][side] = .underWay
  }

  /// All tries of a side's have been given up, as another has led to a connection, or nobody wants one any more.
  mutating func gaveUp(_ side: Side, with peer: PeerID) {
    guard case .underWay = pairs[peer]?[side] else { return }
    pairs[peer]?[side] = .none
    if pairs[peer]?.isEmpty ?? false { pairs[peer] = nil }
  }

  /// A try has come to something.
  mutating func succeeded(_ side: Side, with peer: PeerID, _ item: Item, at now: Instant) -> Verdict {
    var pair = pairs[peer] ?? Pair()
    defer { pairs[peer] = pair }
    if let adopted = pair.adopted {
      let age = adopted.at.duration(to: now)
      if side == .theirs, adopted.side == .theirs, age < PeerLimits.crossing { return pair.spare(item) }
      pair[side] = .none
      guard side == .theirs, age >= PeerLimits.young else { return .drop }
      pair.adopted = (item, side, now)
      return .replace(adopted.item)
    }
    if !hasRightOfWay(side, with: peer), case .underWay = pair[side.other] {
      if case .held = pair[side] { return side == .ours ? .drop : pair.spare(item) }
      pair[side] = .held(item)
      return .hold
    }
    pair[side] = .none
    pair.adopted = (item, side, now)
    return .adopt
  }

  /// A try has come to nothing.
  ///
  /// - Returns: the connection that was held back for it, and is the one now.
  mutating func failed(_ side: Side, with peer: PeerID, at now: Instant) -> Item? {
    gaveUp(side, with: peer)
    // What is held on this side waits for the other.
    guard pairs[peer]?.adopted == nil, case .held = pairs[peer]?[side.other] else { return nil }
    return adoptNext(peer, at: now)
  }

  /// A connection was held back for long enough.
  ///
  /// - Parameter isHeardLast: whether the other side has said something over it after it has over the adopted one: that one's
  ///   end was lost on the way, or who has made it has been started anew.
  /// - Returns: whether it is the one now, or was not needed; nothing where it has ended, or was made one before.
  mutating func waited(_ peer: PeerID, _ item: Item, isHeardLast: Bool, at now: Instant) -> Verdict? {
    guard var pair = pairs[peer] else { return nil }
    defer { pairs[peer] = pair }
    if let held = pair.takeHeld(item) {
      if pair.adopted != nil { return .drop }
      pair.adopted = (item, held.side, now)
      return .adopt
    }
    guard let place = pair.spares.firstIndex(where: { $0 === item }) else { return nil }
    // Where nothing is adopted, another is held back, and comes first.
    guard let old = pair.adopted else { return nil }
    pair.spares.remove(at: place)
    guard isHeardLast else { return .drop }
    pair.adopted = (item, .theirs, now)
    return .replace(old.item)
  }

  /// A connection has been adopted.
  ///
  /// - Returns: those that are not needed any more: what waited for it, and where it is this side's own, the other's as well.
  mutating func takeSurplus(_ peer: PeerID) -> [Item] {
    guard var pair = pairs[peer], let adopted = pair.adopted else { return [] }
    defer { pairs[peer] = pair }
    var surplus: [Item] = []
    while let held = pair.takeHeld() { surplus.append(held.item) }
    guard adopted.side == .ours else { return surplus }
    defer { pair.spares = [] }
    return surplus + pair.spares
  }

  /// What was held back need not wait any longer, and is the one now; or a spare.
  private mutating func adoptNext(_ peer: PeerID, at now: Instant) -> Item? {
    guard var pair = pairs[peer] else { return nil }
    defer { pairs[peer] = pair }
    let next = pair.takeHeld() ?? (pair.spares.isEmpty ? nil : (pair.spares.removeFirst(), .theirs))
    if let next { pair.adopted = (next.item, next.side, now) }
    return next?.item
  }

  /// A connection is over, whether it is the one or was held back.
  ///
  /// - Returns: the connection that the other side has kept instead, and is the one now.
  mutating func ended(_ peer: PeerID, _ item: Item, at now: Instant) -> Item? {
    if pairs[peer]?.adopted?.item === item {
      pairs[peer]?.adopted = nil
      if let next = adoptNext(peer, at: now) { return next }
    }
    pairs[peer]?.spares.removeAll { $0 === item }
    _ = pairs[peer]?.takeHeld(item)
    if pairs[peer]?.isEmpty ?? false { pairs[peer] = nil }
    return nil
  }
}

import WarrenCrypto
import WarrenMachine

/// Which connection with whom counts, without I/O: two who dial each other at once end with one.
///
/// Of two tries, the one of the peer with the lower key has the right of way. The other's connection is held back as long as
/// that may still come of something, and is closed when it does: nobody has used it yet.
///
/// Of two tries of one side's, by a name and by a key for example, that side knows which it keeps: the other side holds the
/// later one back, until the dialler has closed one of them.
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
    /// The other side's try has the right of way: it waits, in place of this one if there is one.
    case hold(insteadOf: Item?)
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

    subscript(side: Side) -> Try {
      get { side == .ours ? ours : theirs }
      set { if side == .ours { ours = newValue } else { theirs = newValue } }
    }

    mutating func hold(_ item: Item, _ side: Side) -> Verdict {
      defer { self[side] = .held(item) }
      if case .held(let old) = self[side] { return .hold(insteadOf: old) }
      return .hold(insteadOf: nil)
    }

    var isEmpty: Bool {
      if case (.none, .none, nil) = (ours, theirs, adopted) { true } else { false }
    }
  }

  private let me: PeerID
  private var pairs: [PeerID: Pair] = [:]

  init(of me: PeerID) { self.me = me }

  /// The connection with a peer.
  func adopted(_ peer: PeerID) -> Item? { pairs[peer]?.adopted?.item }

  /// All connections with a peer: the one, and those that are held back.
  func all(_ peer: PeerID) -> [Item] {
    guard let pair = pairs[peer] else { return [] }
    let held = [pair.ours, pair.theirs].compactMap { if case .held(let item) = $0 { item } else { nil } }
    return held + [pair.adopted?.item].compactMap { $0 }
  }

  /// With whom there is a connection, in a fixed order.
  var peers: [PeerID] { pairs.filter { $0.value.adopted != nil }.keys.sorted() }

  /// Whether a peer that comes has no connection with this one, or cannot know of it any more.
  func isWelcome(_ peer: PeerID, at now: Instant) -> Bool {
    guard let adopted = pairs[peer]?.adopted else { return true }
    return adopted.at.duration(to: now) >= PeerLimits.young
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
      if side == .theirs, adopted.side == .theirs, age < PeerLimits.crossing { return pair.hold(item, side) }
      pair[side] = .none
      guard side == .theirs, age >= PeerLimits.young else { return .drop }
      pair.adopted = (item, side, now)
      return .replace(adopted.item)
    }
    if !hasRightOfWay(side, with: peer), case .underWay = pair[side.other] { return pair.hold(item, side) }
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
    return takeHeld(peer, at: now)
  }

  /// A connection was held back for long enough.
  ///
  /// - Parameter isHeardLast: whether the other side has said something over it after it has over the adopted one: that one's
  ///   end was lost on the way, or who has made it has been started anew.
  /// - Returns: whether it is the one now, or was not needed; nothing where it has ended, or was made one before.
  mutating func waited(_ peer: PeerID, _ item: Item, isHeardLast: Bool, at now: Instant) -> Verdict? {
    for side in [Side.ours, .theirs] {
      guard case .held(let held) = pairs[peer]?[side], held === item else { continue }
      pairs[peer]?[side] = .none
      let old = pairs[peer]?.adopted?.item
      guard old == nil || isHeardLast else { return .drop }
      pairs[peer]?.adopted = (item, side, now)
      return old.map(Verdict.replace) ?? .adopt
    }
    return nil
  }

  /// What was held back need not wait any longer, or is not needed: see ``adopted(_:)``.
  mutating func takeHeld(_ peer: PeerID, at now: Instant) -> Item? {
    for side in [Side.ours, .theirs] {
      guard case .held(let item) = pairs[peer]?[side] else { continue }
      pairs[peer]?[side] = .none
      if pairs[peer]?.adopted == nil { pairs[peer]?.adopted = (item, side, now) }
      return item
    }
    return nil
  }

  /// A connection is over, whether it is the one or was held back.
  ///
  /// - Returns: the connection that the other side has kept instead, and is the one now.
  mutating func ended(_ peer: PeerID, _ item: Item, at now: Instant) -> Item? {
    if pairs[peer]?.adopted?.item === item {
      pairs[peer]?.adopted = nil
      if let held = takeHeld(peer, at: now) { return held }
    }
    for side in [Side.ours, .theirs] {
      if case .held(let held) = pairs[peer]?[side], held === item { pairs[peer]?[side] = .none }
    }
    if pairs[peer]?.isEmpty ?? false { pairs[peer] = nil }
    return nil
  }
}

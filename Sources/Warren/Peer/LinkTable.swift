import WarrenCrypto
import WarrenMachine

/// Which connection with whom counts, without I/O: two who dial each other at once end with one.
///
/// Of two tries, the one of the peer with the lower key has the right of way. The other's connection is held back as long as
/// that may still come of something, and is closed when it does: nobody has used it yet.
///
/// ```
///   ours or theirs done ──it has the right of way, or is the only one──► adopted
///          └──the other is under way──► held ──the other fails, or takes too long──► adopted
///                                         └──the other is done──► dropped
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
    var adopted: (item: Item, at: Instant)?

    subscript(side: Side) -> Try {
      get { side == .ours ? ours : theirs }
      set { if side == .ours { ours = newValue } else { theirs = newValue } }
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
      pair[side] = .none
      guard side == .theirs, adopted.at.duration(to: now) >= PeerLimits.young else { return .drop }
      pair.adopted = (item, now)
      return .replace(adopted.item)
    }
    if !hasRightOfWay(side, with: peer), case .underWay = pair[side.other] {
      defer { pair[side] = .held(item) }
      if case .held(let old) = pair[side] { return .hold(insteadOf: old) }
      return .hold(insteadOf: nil)
    }
    pair[side] = .none
    pair.adopted = (item, now)
    return .adopt
  }

  /// A try has come to nothing.
  ///
  /// - Returns: the connection that was held back for it, and is the one now.
  mutating func failed(_ side: Side, with peer: PeerID, at now: Instant) -> Item? {
    gaveUp(side, with: peer)
    // What is held on this side waits for the other.
    guard case .held = pairs[peer]?[side.other] else { return nil }
    return takeHeld(peer, at: now)
  }

  /// What was held back need not wait any longer, or is not needed: see ``adopted(_:)``.
  mutating func takeHeld(_ peer: PeerID, at now: Instant) -> Item? {
    for side in [Side.ours, .theirs] {
      guard case .held(let item) = pairs[peer]?[side] else { continue }
      pairs[peer]?[side] = .none
      if pairs[peer]?.adopted == nil { pairs[peer]?.adopted = (item, now) }
      return item
    }
    return nil
  }

  /// A connection is over, whether it is the one or was held back.
  mutating func ended(_ peer: PeerID, _ item: Item) {
    if pairs[peer]?.adopted?.item === item { pairs[peer]?.adopted = nil }
    for side in [Side.ours, .theirs] {
      if case .held(let held) = pairs[peer]?[side], held === item { pairs[peer]?[side] = .none }
    }
    if pairs[peer]?.isEmpty ?? false { pairs[peer] = nil }
  }
}

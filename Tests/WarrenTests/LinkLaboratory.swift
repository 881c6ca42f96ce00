import TestSupport
import Warren

@testable import Warren

/// Two sides that dial each other, and their tables, which alone decide: all else is time, chance, and doing as told, as
/// ``Peer`` does.
final class LinkLaboratory {
  /// A connection, as both sides have it.
  final class Link {
    let dialler: Int
    /// Whether a side has it, once its handshake is done there, and has not closed it or heard of its end.
    var isOpen = [false, false]
    var isClosed = false
    /// When the other side has heard of it.
    var introduced: Instant?

    init(_ dialler: Int) { self.dialler = dialler }
  }

  private final class Side {
    var table: LinkTable<Link>
    /// Dials of its own that are under way.
    var dials: [Link] = []
    /// The other's that it answers.
    var answers: [Link] = []

    init(_ id: PeerID) { table = LinkTable(of: id) }
  }

  private let ids: [PeerID]
  private var sides: [Side]
  private var random: SeededRandom
  private var events: [(at: Instant, number: Int, run: () -> Void)] = []
  private var count = 0
  private(set) var links: [Link] = []
  var now = Instant(nanoseconds: 1_000_000_000)
  /// How likely a handshake comes to nothing.
  var failure = 0.0

  init(seed: UInt64) {
    random = SeededRandom(seed)
    ids = (1...2).map { PeerID(bytes: [UInt8](repeating: $0, count: 32).span.bytes)! }
    sides = ids.map(Side.init)
  }

  func adopted(_ side: Int) -> Link? { sides[side].table.adopted(ids[1 - side]) }
  func isDialling(_ side: Int) -> Bool { sides[side].table.isDialling(ids[1 - side]) }

  func chance(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

  /// Something happens so many milliseconds from now, or at any time up to then.
  func after(_ milliseconds: Int, exactly: Bool = false, _ run: @escaping () -> Void) {
    let delay = exactly ? milliseconds : chance(0...milliseconds)
    count += 1
    events.append((now.advanced(by: .milliseconds(delay)), count, run))
  }

  func run() {
    while let place = events.indices.min(by: {
      (events[$0].at, events[$0].number) < (events[$1].at, events[$1].number)
    }) {
      let event = events.remove(at: place)
      now = max(now, event.at)
      event.run()
    }
  }

  // MARK: What a peer does

  /// - Parameter another: whether it dials although it dials already, by another name.
  func dial(_ side: Int, another: Bool = false) {
    let own = sides[side]
    guard adopted(side) == nil, another || own.dials.isEmpty else { return }
    let link = Link(side)
    links.append(link)
    own.dials.append(link)
    own.table.began(.ours, with: ids[1 - side])
    after(100) { self.introduce(link) }
    // Patience.
    after(30_000, exactly: true) { self.fail(link, at: own, side) }
  }

  /// The other side hears of it.
  private func introduce(_ link: Link) {
    let callee = 1 - link.dialler
    let (caller, own) = (sides[link.dialler], sides[callee])
    guard !link.isClosed else { return }
    guard own.table.isWelcome(ids[link.dialler], at: now) else {
      return after(100) { self.fail(link, at: caller, link.dialler) }
    }
    link.introduced = now
    for older in own.answers.prefix(while: { !isYoung($0) }) { giveUp(older, at: own, callee) }
    own.answers.append(link)
    own.table.began(.theirs, with: ids[link.dialler])
    after(30_000, exactly: true) { self.fail(link, at: own, callee) }
    guard Double(chance(1...1000)) > failure * 1000 else { return }
    after(200) {
      guard !link.isClosed, caller === self.sides[link.dialler], caller.dials.contains(where: { $0 === link })
      else { return }
      // The last packet of the handshake is on its way before anybody decides whether it is wanted.
      self.after(20) {
        guard caller.dials.contains(where: { $0 === link }) else { return }
        self.settle(link, .ours, at: caller, link.dialler)
      }
      self.after(100) {
        guard own.answers.contains(where: { $0 === link }) else { return }
        self.settle(link, .theirs, at: own, callee)
      }
    }
  }

  private func settle(_ link: Link, _ kind: LinkTable<Link>.Side, at own: Side, _ side: Int) {
    let other = ids[1 - side]
    own.dials.removeAll { $0 === link }
    own.answers.removeAll { $0 === link }
    guard own === sides[side] else { return }
    link.isOpen[side] = true
    switch own.table.succeeded(kind, with: other, link, at: now) {
    case .adopt: adopt(link, at: own, side)
    case .replace(let old):
      close(old, side)
      adopt(link, at: own, side)
    case .hold:
      after(2000, exactly: true) {
        guard own === self.sides[side] else { return }
        // Of what has an end only the other is heard.
        let isHeardLast = link.isOpen[1 - side] && own.table.adopted(other)?.isOpen[1 - side] == false
        switch own.table.waited(other, link, isHeardLast: isHeardLast, at: self.now) {
        case .adopt: self.adopt(link, at: own, side)
        case .replace(let old):
          self.close(old, side)
          self.adopt(link, at: own, side)
        case .drop: self.close(link, side)
        case .hold, nil: break
        }
      }
    case .drop: close(link, side)
    }
  }

  private func adopt(_ link: Link, at own: Side, _ side: Int) {
    let surplus = own.table.takeSurplus(ids[1 - side])
    for other in own.dials + own.answers where other !== link {
      guard link.dialler != side, other.dialler != side, isYoung(other) else {
        giveUp(other, at: own, side)
        continue
      }
      after(2000, exactly: true) { self.giveUp(other, at: own, side) }
    }
    for other in surplus { close(other, side) }
    // It has ended while nobody looked.
    if !link.isOpen[side] { ended(link, at: own, side) }
  }

  private func isYoung(_ link: Link) -> Bool {
    link.introduced.map { $0.duration(to: now) < PeerLimits.crossing } ?? false
  }

  private func ended(_ link: Link, at own: Side, _ side: Int) {
    if let kept = own.table.ended(ids[1 - side], link, at: now) { adopt(kept, at: own, side) }
  }

  private func giveUp(_ link: Link, at own: Side, _ side: Int) {
    guard own === sides[side], (own.dials + own.answers).contains(where: { $0 === link }) else { return }
    own.dials.removeAll { $0 === link }
    own.answers.removeAll { $0 === link }
    let kind: LinkTable<Link>.Side = link.dialler == side ? .ours : .theirs
    if (kind == .ours ? own.dials : own.answers).isEmpty { own.table.gaveUp(kind, with: ids[1 - side]) }
    close(link, side)
  }

  private func fail(_ link: Link, at own: Side, _ side: Int) {
    guard own === sides[side], (own.dials + own.answers).contains(where: { $0 === link }) else { return }
    giveUp(link, at: own, side)
    let kind: LinkTable<Link>.Side = link.dialler == side ? .ours : .theirs
    guard (kind == .ours ? own.dials : own.answers).isEmpty else { return }
    if let held = own.table.failed(kind, with: ids[1 - side], at: now) { adopt(held, at: own, side) }
  }

  /// A side closes a connection, or loses it; the other hears of it later.
  func close(_ link: Link, _ side: Int) {
    guard !link.isClosed || link.isOpen[side] else { return }
    link.isClosed = true
    link.isOpen[side] = false
    ended(link, at: sides[side], side)
    let other = sides[1 - side]
    after(100) {
      guard other === self.sides[1 - side] else { return }
      link.isOpen[1 - side] = false
      self.ended(link, at: other, 1 - side)
      self.fail(link, at: other, 1 - side)
    }
  }

  /// The program is started anew, and knows nothing; the other notices when it hears nothing for long.
  func restart(_ side: Int) {
    let gone = links
    sides[side] = Side(ids[side])
    for link in gone {
      link.isOpen[side] = false
      link.isClosed = true
      after(45_000, exactly: true) {
        link.isOpen[1 - side] = false
        self.ended(link, at: self.sides[1 - side], 1 - side)
      }
    }
  }
}

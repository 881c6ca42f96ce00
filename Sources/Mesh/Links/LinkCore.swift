import WarrenCrypto
import WarrenMachine

/// With whom there is to be a connection, without I/O.
///
/// Where there are few, with everybody. Where there are many, each stands on several rings, in an order of its own on each that
/// all find alike, and is connected with its neighbours there: whoever knows who is there knows who needs whom, the graph holds
/// together when many go at once, and each has as many connections as any other.
package struct LinkCore {
  package enum Event: Hashable, Sendable {
    case dial(PeerID)
    /// Neither side needs the connection.
    case drop(PeerID)
    /// The other side is to know whether this one needs it.
    case say(Bool, to: PeerID)
  }

  private struct Contact {
    var places: [UInt64]
    var isThere = false
    var isLinked = false
    var isDialled = false
    /// Until when something may have to be said to it alone.
    var errand: Instant?
    /// For how many purposes a connection is held.
    var holds = 0
    /// Whether this side needs a connection, and the other one.
    var isWanted = false
    var isNeeded = true
    /// Since when it is wanted, or not needed.
    var since: Instant
    /// When it is tried again, and how long after that.
    var retry: Instant?
    var pause = MeshLimits.firstRetry
    /// When the last connection began.
    var linkedAt: Instant?
  }

  package let me: PeerID
  private let fullMesh: Int
  private let own: [UInt64]
  private var contacts: [PeerID: Contact] = [:]
  /// Those that are wanted or linked, in their order.
  private var active: [PeerID] = []
  /// On each ring, those who are there, in their order.
  private var rings: [[(place: UInt64, id: PeerID)]] = []
  package private(set) var isFull = true
  private var isChanged = false
  private var dials = 0
  private var random: MeshRandom
  private var nextRevival: Instant
  private var clock: Instant
  /// When it is to be looked after next; nil where that has to be found out.
  private var due: Instant?
  private var events = Queue<Event>()

  package init(_ me: PeerID, fullMesh: Int, rings: Int = MeshLimits.rings, seed: UInt64, at now: Instant) {
    self.me = me
    self.fullMesh = fullMesh
    own = (0..<rings).map { RingPlace.of(me, in: $0 + 1) }
    self.rings = Array(repeating: [], count: rings)
    random = MeshRandom(seed)
    nextRevival = now.advanced(by: MeshLimits.revival)
    clock = now
  }

  /// With how many there can be a connection at most: more are refused, since they have others.
  package var mostLinks: Int { max(fullMesh, own.count * 4) + MeshLimits.dials }

  /// Whether there are connections enough, and one with this one is not needed.
  package func isCrowded(for id: PeerID) -> Bool {
    links >= (contacts[id]?.isWanted ?? false ? mostLinks * 2 : mostLinks)
  }

  package var links: Int { active.count { contacts[$0]!.isLinked } }

  /// Whether there is a connection with everybody who is there.
  package var hasAll: Bool { isFull && rings[0].allSatisfy { contacts[$0.id]!.isLinked } }

  /// Whether there is every connection that is wanted.
  package var hasAllWanted: Bool {
    !isChanged && active.allSatisfy { contacts[$0]!.isLinked || !contacts[$0]!.isWanted }
  }

  // MARK: What it is told

  /// Somebody is there, or not any more.
  package mutating func changed(_ id: PeerID, isThere: Bool, at now: Instant) {
    due = nil
    clock = now
    guard contact(id, at: now).isThere != isThere else { return }
    contacts[id]!.isThere = isThere
    let places = contacts[id]!.places
    for ring in rings.indices {
      let place = places[ring]
      let index = rings[ring].firstIndex { ($0.place, $0.id) >= (place, id) } ?? rings[ring].count
      if isThere { rings[ring].insert((place, id), at: index) } else { rings[ring].remove(at: index) }
    }
    if isThere {
      contacts[id]!.retry = nil
      contacts[id]!.pause = MeshLimits.firstRetry
    }
    isChanged = true
  }

  package mutating func linked(with id: PeerID, at now: Instant) {
    due = nil
    clock = now
    _ = contact(id, at: now)
    contacts[id]!.isLinked = true
    contacts[id]!.isNeeded = true
    contacts[id]!.since = now
    contacts[id]!.retry = nil
    contacts[id]!.linkedAt = now
    if !active.contains(id) { insert(id) }
    events.append(.say(contacts[id]!.isWanted, to: id))
    isChanged = true
  }

  package mutating func unlinked(from id: PeerID, at now: Instant) {
    due = nil
    clock = now
    guard contacts[id]?.isLinked == true else { return }
    contacts[id]!.isLinked = false
    if let since = contacts[id]!.linkedAt, since.duration(to: now) >= MeshLimits.lasting {
      contacts[id]!.pause = MeshLimits.firstRetry
    }
    postpone(id, at: now)
    isChanged = true
  }

  /// A try to connect is over.
  package mutating func dialled(_ id: PeerID, isLinked: Bool, at now: Instant) {
    due = nil
    clock = now
    guard contacts[id]?.isDialled == true else { return }
    contacts[id]!.isDialled = false
    dials -= 1
    if !isLinked { postpone(id, at: now) }
    isChanged = true
  }

  /// The other side says whether it needs the connection.
  package mutating func isNeeded(_ isNeeded: Bool, by id: PeerID, at now: Instant) {
    due = nil
    guard contacts[id]?.isNeeded != isNeeded else { return }
    contacts[id]?.isNeeded = isNeeded
    contacts[id]?.since = now
  }

  /// Something is to be said to it alone.
  package mutating func wants(_ id: PeerID, at now: Instant) {
    due = nil
    clock = now
    let isNew = contact(id, at: now).errand == nil
    contacts[id]!.errand = now.advanced(by: MeshLimits.errand)
    if isNew, !contacts[id]!.isWanted { isChanged = true }
  }

  /// A connection with it is needed, or not any more.
  package mutating func hold(_ id: PeerID, _ isHeld: Bool, at now: Instant) {
    due = nil
    clock = now
    _ = contact(id, at: now)
    contacts[id]!.holds += isHeld ? 1 : -1
    isChanged = true
  }

  /// Nothing is to be said to it any more.
  package mutating func wantsNot(_ id: PeerID, at now: Instant) {
    due = nil
    guard contacts[id]?.errand != nil else { return }
    contacts[id]!.errand = nil
    isChanged = true
  }

  /// Nobody remembers it any more.
  package mutating func forget(_ id: PeerID, at now: Instant) {
    due = nil
    guard let contact = contacts[id], !contact.isThere, !contact.isLinked, !contact.isDialled else { return }
    contacts[id] = nil
    active.removeAll { $0 == id }
  }

  package func isLinked(with id: PeerID) -> Bool { contacts[id]?.isLinked ?? false }

  private mutating func postpone(_ id: PeerID, at now: Instant) {
    let pause = contacts[id]!.pause
    contacts[id]!.retry = now.advanced(by: pause * Double.random(in: 0.5..<1.5, using: &random))
    contacts[id]!.pause = min(pause * 2, MeshLimits.lastRetry)
  }

  private mutating func contact(_ id: PeerID, at now: Instant) -> Contact {
    if let contact = contacts[id] { return contact }
    let contact = Contact(places: own.indices.map { RingPlace.of(id, in: $0 + 1) }, since: now)
    contacts[id] = contact
    return contact
  }

  private mutating func insert(_ id: PeerID) {
    active.insert(id, at: active.firstIndex { $0 > id } ?? active.count)
  }

  // MARK: Time

  /// When to call ``handleDeadline(at:)``.
  package var nextDeadline: Instant {
    mutating get {
      // It is asked for with each packet, and is seldom another.
      if let due { return due }
      let next = computedDeadline
      due = next
      return next
    }
  }

  private var computedDeadline: Instant {
    if isChanged { return clock }
    var next = nextRevival
    for id in active {
      let contact = contacts[id]!
      if let errand = contact.errand { next = min(next, errand) }
      if contact.isLinked {
        if isSurplus(contact) { next = min(next, contact.since.advanced(by: surplus)) }
      } else if contact.isWanted, !contact.isDialled, dials < MeshLimits.dials {
        next = min(next, dialTime(id, contact))
      }
    }
    return next
  }

  /// Whoever is known to many needs the room for others.
  private var surplus: Duration { links * 2 > mostLinks ? MeshLimits.crowdedSurplus : MeshLimits.surplus }

  /// Whether nobody needs it; where there is hardly room, whether this side does.
  private func isSurplus(_ contact: Contact) -> Bool {
    !contact.isWanted && (!contact.isNeeded || links * 4 > mostLinks * 3)
  }

  /// One of two dials at once, the other one only where that comes to nothing.
  private func dialTime(_ id: PeerID, _ contact: Contact) -> Instant {
    if let retry = contact.retry { return retry }
    return me < id || contact.errand != nil || contact.holds > 0
      ? contact.since : contact.since.advanced(by: MeshLimits.yielding)
  }

  package mutating func handleDeadline(at now: Instant) {
    due = nil
    clock = now
    for id in active {
      guard let errand = contacts[id]!.errand, errand <= now else { continue }
      contacts[id]!.errand = nil
      isChanged = true
    }
    if isChanged {
      isChanged = false
      plan(at: now)
    }
    for id in active {
      let contact = contacts[id]!
      if contact.isLinked {
        if isSurplus(contact), contact.since.advanced(by: surplus) <= now {
          contacts[id]!.since = now
          events.append(.drop(id))
        }
      } else if contact.isWanted, !contact.isDialled, dials < MeshLimits.dials, dialTime(id, contact) <= now {
        contacts[id]!.isDialled = true
        dials += 1
        events.append(.dial(id))
      }
    }
    if nextRevival <= now { nextRevival = now.advanced(by: MeshLimits.revival) }
  }

  private mutating func plan(at now: Instant) {
    let count = rings[0].count + 1
    if isFull ? count > fullMesh : count <= fullMesh - fullMesh / 4 { isFull.toggle() }
    var wanted = isFull ? Set(rings[0].map(\.id)) : onRings(at: now)
    for (id, contact) in contacts where contact.errand != nil || contact.holds > 0 { wanted.insert(id) }
    for id in wanted.subtracting(active) { insert(id) }
    for id in active where contacts[id]!.isWanted != wanted.contains(id) {
      contacts[id]!.isWanted.toggle()
      contacts[id]!.since = now
      if contacts[id]!.isLinked { events.append(.say(contacts[id]!.isWanted, to: id)) }
    }
    active.removeAll { !contacts[$0]!.isWanted && !contacts[$0]!.isLinked && !contacts[$0]!.isDialled }
  }

  /// The next on each ring, both ways: who cannot be reached is passed over, and tried again.
  private func onRings(at now: Instant) -> Set<PeerID> {
    var wanted: Set<PeerID> = []
    for (ring, members) in rings.enumerated() where !members.isEmpty {
      let start = members.firstIndex { ($0.place, $0.id) > (own[ring], me) } ?? 0
      for step in [1, members.count - 1] as [Int] {
        var index = step == 1 ? start : (start + members.count - 1) % members.count
        for _ in 0..<min(members.count, 4) {
          let id = members[index].id
          wanted.insert(id)
          let contact = contacts[id]!
          if contact.isLinked || contact.retry == nil { break }
          index = (index + step) % members.count
        }
      }
    }
    return wanted
  }

  /// One of those that are gone is to be looked for: it may be on the other side of a cut.
  package mutating func revive(among missing: [PeerID], at now: Instant) {
    due = nil
    guard let id = missing.randomElement(using: &random), contacts[id]?.isDialled == false,
      contacts[id]?.isLinked == false, dials < MeshLimits.dials
    else { return }
    contacts[id]!.isDialled = true
    dials += 1
    if !active.contains(id) { insert(id) }
    events.append(.dial(id))
  }

  /// Whether it is time for ``revive(among:at:)``.
  package func isTimeForRevival(at now: Instant) -> Bool { nextRevival <= now }

  package mutating func pollEvent() -> Event? { events.popFirst() }
}

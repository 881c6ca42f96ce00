import WarrenMachine

/// An inside socket's place on the outside.
struct Mapping: Sendable {
  /// What it is found by from the inside and from the outside.
  var insideKey: FlowKey
  var outsideKey: FlowKey
  /// Its inside host's slot; -1 for a flow of the box's own.
  var host: Int
  /// When it ends without further traffic, and at the latest.
  var expiry: Instant
  var latestExpiry: Instant
  /// What decides which of two lifetimes it has.
  var conversation: Conversation
  /// The first of its filters; -1 for none.
  var firstFilter = -1
  /// Whether it is that of one TCP connection, and the port through which that came is not asked for any more.
  var isKept = false

  var inside: SocketAddress { insideKey.near }
  var outside: SocketAddress { outsideKey.near }
  var transport: Transport { insideKey.transport }
  /// Whether the box itself is the socket, not a host inside.
  var isOwn: Bool { host < 0 }
  /// Whether its inside host has asked for it: it is for everyone, and traffic does not prolong it.
  var isExplicit: Bool { insideKey.remote == .everyone }

  fileprivate var wakes = Instant.distantFuture
  fileprivate var generation: UInt64 = 0

  init(
    insideKey: FlowKey, outsideKey: FlowKey, host: Int, expiry: Instant,
    latestExpiry: Instant = .distantFuture, conversation: Conversation = Conversation()
  ) {
    self.insideKey = insideKey
    self.outsideKey = outsideKey
    self.host = host
    self.expiry = expiry
    self.latestExpiry = latestExpiry
    self.conversation = conversation
  }
}

/// Leave to send to a mapping, or a TCP connection through it.
struct Filter: Sendable {
  var key: FilterKey
  var expiry: Instant
  /// What decides which of two lifetimes it has.
  var conversation: Conversation
  var connection: TrackedConnection?
  /// The others of the same mapping; -1 for none.
  fileprivate(set) var next = -1
  fileprivate var previous = -1
  fileprivate var wakes = Instant.distantFuture
  fileprivate var generation: UInt64 = 0

  init(
    _ key: FilterKey, expiry: Instant, connection: TrackedConnection? = nil,
    conversation: Conversation = Conversation()
  ) {
    self.key = key
    self.expiry = expiry
    self.connection = connection
    self.conversation = conversation
  }
}

/// The mappings and filters of a NAT, and when they end.
///
/// Prolonging a life only writes the new end down: the queue notices when it wakes at the old one.
struct NATTable: Sendable {
  private(set) var mappings = Slots<Mapping>()
  private(set) var filters = Slots<Filter>()
  private var byInside: [FlowKey: Int] = [:]
  private var byOutside: [FlowKey: Int] = [:]
  private var byRemote: [FilterKey: Int] = [:]
  /// Of the ports that are one mapping's alone, by transport and address.
  private var portsInUse: [FlowKey: PortsInUse] = [:]
  private var deadlines = DeadlineQueue<End>()
  private var generation: UInt64 = 0
  /// How many of the mappings are explicit, and how many are those of connections that came by such.
  private(set) var explicitCount = 0
  private(set) var keptCount = 0

  /// What may end.
  private enum End: Sendable {
    case mapping(Int, generation: UInt64)
    case filter(Int, generation: UInt64)
  }

  /// What has ended.
  enum Expired {
    case mapping(Int)
    case filter(Int)
  }

  /// When to look for the next end: not later than that, perhaps earlier.
  var nextDeadline: Instant? { deadlines.earliest }

  func mapping(inside key: FlowKey) -> Int? { byInside[key] }
  func mapping(outside key: FlowKey) -> Int? { byOutside[key] }
  func filter(_ key: FilterKey) -> Int? { byRemote[key] }

  /// Whether a new mapping may be found by `key` from outside.
  func isFree(_ key: FlowKey) -> Bool {
    guard byOutside[key] == nil else { return false }
    if key.remote == .everyone { return byOutside[FlowKey(key.transport, key.near, .whatever)] == nil }
    return explicitCount == 0 || byOutside[FlowKey(key.transport, key.near, .everyone)] == nil
  }

  /// The first port from `port` on, and up to `last`, at which `key` may be free.
  func firstPort(from port: Int, upTo last: Int, for key: FlowKey) -> Int? {
    guard key.remote == .whatever, let used = portsInUse[key.ofAddress] else {
      return port <= last ? port : nil
    }
    return used.firstFree(from: port, upTo: last)
  }

  /// Whether a socket other than `inside` is at an outside place, towards whomever.
  func isTaken(_ transport: Transport, _ outside: SocketAddress, byOtherThan inside: SocketAddress) -> Bool {
    byOutside.contains { key, slot in
      key.transport == transport && key.near == outside && mappings.elements[slot].inside != inside
        && !mappings.elements[slot].isKept
    }
  }
}

// MARK: Coming and going

extension NATTable {
  mutating func insert(_ mapping: Mapping) -> Int {
    let slot = mappings.insert(mapping)
    generation += 1
    mappings.elements[slot].generation = generation
    byInside[mapping.insideKey] = slot
    byOutside[mapping.outsideKey] = slot
    if mapping.outsideKey.remote == .whatever {
      portsInUse[mapping.outsideKey.ofAddress, default: PortsInUse()].insert(mapping.outside.port)
    }
    if mapping.isExplicit { explicitCount += 1 }
    if mapping.isKept { keptCount += 1 }
    wakeForMapping(slot)
    return slot
  }

  /// Removes a mapping with all its filters.
  @discardableResult
  mutating func removeMapping(_ slot: Int) -> Mapping {
    while mappings.elements[slot].firstFilter >= 0 { removeFilter(mappings.elements[slot].firstFilter) }
    let mapping = mappings.elements[slot]
    byInside[mapping.insideKey] = nil
    byOutside[mapping.outsideKey] = nil
    if mapping.outsideKey.remote == .whatever {
      portsInUse[mapping.outsideKey.ofAddress]?.remove(mapping.outside.port)
    }
    if mapping.isExplicit { explicitCount -= 1 }
    if mapping.isKept { keptCount -= 1 }
    mappings.elements[slot].generation = 0
    mappings.remove(slot)
    return mapping
  }

  mutating func insert(_ filter: Filter) -> Int {
    let slot = filters.insert(filter)
    let mapping = filter.key.mapping
    let next = mappings.elements[mapping].firstFilter
    generation += 1
    filters.elements[slot].generation = generation
    filters.elements[slot].next = next
    if next >= 0 { filters.elements[next].previous = slot }
    mappings.elements[mapping].firstFilter = slot
    byRemote[filter.key] = slot
    wakeForFilter(slot)
    return slot
  }

  /// The TCP connections through a mapping.
  func connections(of mapping: Int) -> [Filter] {
    var all: [Filter] = []
    var slot = mappings.elements[mapping].firstFilter
    while slot >= 0 {
      if filters.elements[slot].connection != nil { all.append(filters.elements[slot]) }
      slot = filters.elements[slot].next
    }
    return all
  }

  mutating func removeFilter(_ slot: Int) {
    let filter = filters.elements[slot]
    if filter.next >= 0 { filters.elements[filter.next].previous = filter.previous }
    if filter.previous >= 0 {
      filters.elements[filter.previous].next = filter.next
    } else {
      mappings.elements[filter.key.mapping].firstFilter = filter.next
    }
    byRemote[filter.key] = nil
    filters.elements[slot].generation = 0
    filters.remove(slot)
  }
}

// MARK: Living on

extension NATTable {
  /// Lets a mapping live at least until `expiry`, as far as it may.
  mutating func prolongMapping(_ slot: Int, until expiry: Instant) {
    guard expiry > mappings.elements[slot].expiry else { return }
    mappings.elements[slot].expiry = min(expiry, mappings.elements[slot].latestExpiry)
  }

  /// Gives an explicit mapping another end, which may be earlier than before.
  mutating func setEnd(of slot: Int, to expiry: Instant) {
    mappings.elements[slot].expiry = expiry
    mappings.elements[slot].latestExpiry = expiry
    if expiry < mappings.elements[slot].wakes { wakeForMapping(slot) }
  }

  /// Lets a filter live until `expiry`, which is not earlier than before.
  mutating func prolongFilter(_ slot: Int, until expiry: Instant) {
    filters.elements[slot].expiry = expiry
  }

  /// Writes down what is known of a connection, and when to forget it, which may be earlier than before.
  mutating func update(_ connection: TrackedConnection, of slot: Int, until expiry: Instant) {
    filters.elements[slot].connection = connection
    filters.elements[slot].expiry = expiry
    if expiry < filters.elements[slot].wakes { wakeForFilter(slot) }
  }

  /// A packet of a mapping has come from a side.
  ///
  /// - Returns: whether it is a stream.
  mutating func noteMapping(_ slot: Int, from side: NATSide, at now: Instant) -> Bool {
    mappings.elements[slot].conversation.saw(from: side, at: now)
    return mappings.elements[slot].conversation.isAssured
  }

  /// A packet that a filter lets through has come from a side.
  ///
  /// - Returns: whether it is a stream.
  mutating func noteFilter(_ slot: Int, from side: NATSide, at now: Instant) -> Bool {
    filters.elements[slot].conversation.saw(from: side, at: now)
    return filters.elements[slot].conversation.isAssured
  }

  /// What has ended by `now`; it is still there, for the caller to remove.
  mutating func nextExpired(at now: Instant) -> Expired? {
    while let entry = deadlines.takeDue(at: now) {
      switch entry.element {
      case .mapping(let slot, let generation):
        let mapping = mappings.elements[slot]
        guard mapping.generation == generation, mapping.wakes == entry.deadline else { continue }
        if mapping.expiry <= now { return .mapping(slot) }
        wakeForMapping(slot)
      case .filter(let slot, let generation):
        let filter = filters.elements[slot]
        guard filter.generation == generation, filter.wakes == entry.deadline else { continue }
        if filter.expiry <= now { return .filter(slot) }
        wakeForFilter(slot)
      }
    }
    return nil
  }

  private mutating func wakeForMapping(_ slot: Int) {
    let mapping = mappings.elements[slot]
    mappings.elements[slot].wakes = mapping.expiry
    // A TCP mapping lives as long as its connections, and has no end of its own.
    guard mapping.expiry < .distantFuture else { return }
    deadlines.insert(.mapping(slot, generation: mapping.generation), at: mapping.expiry)
  }

  private mutating func wakeForFilter(_ slot: Int) {
    let filter = filters.elements[slot]
    filters.elements[slot].wakes = filter.expiry
    deadlines.insert(.filter(slot, generation: filter.generation), at: filter.expiry)
  }
}

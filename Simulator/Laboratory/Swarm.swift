import Warren
import WarrenSimulator

/// Many nodes of a mesh without connections beneath: their cores alone, and a network that delays, loses and cuts. So hours of
/// hundreds of nodes take seconds.
public final class Swarm {
  /// What kind of network it is.
  public struct Weather: Sendable {
    /// How long a packet takes, one way.
    public var delay: ClosedRange<Duration> = .milliseconds(5) ... .milliseconds(60)
    /// How many packets are lost. What is said over a connection takes longer instead.
    public var loss = 0.0
    /// After how long a connection notices that nobody is at its other end.
    public var timeout: Duration = .seconds(45)

    /// Clear.
    public init() {}
  }

  /// A node, in one of its lives.
  final class Node {
    let index: Int
    let id: PeerID
    var core: MeshCore
    var isUp = true
    /// Which side of a cut it is on.
    var side = 0
    /// When it is to be looked after next.
    var deadline: Instant?
    /// What it has heard: of whom the number it heard last.
    var heard: [BroadcastCore.Source: UInt64] = [:]
    /// Of whom it was told that it has missed how many since then.
    var missed: [PeerID: UInt64] = [:]
    var born: Instant

    init(_ index: Int, _ id: PeerID, _ core: MeshCore, at now: Instant) {
      self.index = index
      self.id = id
      self.core = core
      born = now
    }
  }

  /// A connection of two.
  final class Link {
    let ends: [PeerID]
    var isOpen = true
    /// When what was said last in each direction comes.
    var arrival: [Instant]

    init(_ ends: [PeerID], at now: Instant) {
      self.ends = ends
      arrival = [now, now]
    }
  }

  private struct Happening {
    let at: Instant
    let number: Int
    let run: () -> Void
  }

  private struct Pair: Hashable {
    let low: PeerID
    let high: PeerID

    init(_ one: PeerID, _ other: PeerID) { (low, high) = one < other ? (one, other) : (other, one) }
  }

  /// The network.
  public var weather: Weather
  private(set) var now = Instant(nanoseconds: 1_000_000_000)
  var nodes: [Node] = []
  private var byID: [PeerID: Node] = [:]
  private var links: [Pair: Link] = [:]
  private var heap: [Happening] = []
  private var count = 0
  var random: SimulatorRandom
  private let settings: MeshCore.Settings
  /// Called with what happens to whom.
  var onEvent: (Node, MeshCore.Event) -> Void = { _, _ in }
  /// What was not as it should be.
  public internal(set) var faults: [String] = []
  private let seed: UInt64

  init(seed: UInt64, settings: MeshCore.Settings = MeshCore.Settings(), weather: Weather = Weather()) {
    self.seed = seed
    self.settings = settings
    self.weather = weather
    random = SimulatorRandom(seed: seed, stream: "swarm")
  }

  // MARK: Nodes

  /// What the nodes of a swarm sign with: each can tell whether a statement was changed, and nobody needs a key.
  static let seal = RecordSeal(mesh: "swarm") { statement in
    hash(statement)
  } check: { _, statement, signature in
    signature == hash(statement)
  }

  private static func hash(_ bytes: [UInt8]) -> [UInt8] {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return (0..<64).map { UInt8(truncatingIfNeeded: value >> (($0 % 8) * 8)) }
  }

  static func id(_ index: Int) -> PeerID {
    var chance = SimulatorRandom(seed: UInt64(index), stream: "node")
    let bytes = (0..<4).flatMap { _ in
      let word = chance.next()
      return (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }
    return PeerID(bytes: bytes.span.bytes)!
  }

  /// A node begins, and knows these: what the registry or a person has told it.
  @discardableResult
  func start(_ index: Int, knowing bootstraps: [Int]) -> Node {
    let id = Self.id(index)
    let record = MemberRecord(
      id, MemberVersion(epoch: UInt64(now.nanoseconds / 1_000_000)), name: "node \(index)")
    let core = MeshCore(
      record, Self.seal, settings, seed: random.next() &+ UInt64(index), at: now)
    let node = Node(index, id, core, at: now)
    if let place = nodes.firstIndex(where: { $0.index == index }) {
      nodes[place] = node
    } else {
      nodes.append(node)
    }
    byID[id] = node
    for bootstrap in bootstraps where bootstrap != index { dial(node, Self.id(bootstrap), isBootstrap: true) }
    settle(node)
    return node
  }

  /// A node is gone from one moment to the next.
  func crash(_ index: Int) { nodes.first { $0.index == index }?.isUp = false }

  func node(_ index: Int) -> Node { nodes.first { $0.index == index }! }

  private func reaches(_ one: Node, _ other: Node) -> Bool {
    one.isUp && other.isUp && one.side == other.side
  }

  // MARK: Connections

  private func delay() -> Duration {
    let (low, high) = (weather.delay.lowerBound, weather.delay.upperBound)
    return low + (high - low) * random.unit()
  }

  private func dial(_ node: Node, _ id: PeerID, isBootstrap: Bool = false) {
    let time = delay() * 4
    after(time) { [unowned self] in
      guard node.isUp else { return }
      guard let other = byID[id], reaches(node, other), links[Pair(node.id, id)]?.isOpen != true else {
        let isLinked = links[Pair(node.id, id)]?.isOpen == true && byID[id].map { reaches(node, $0) } ?? false
        node.core.dialled(id, isLinked: isLinked, isAnswered: isLinked, at: now)
        settle(node)
        if isBootstrap, !isLinked {
          after(.seconds(1)) { [unowned self] in if node.isUp { dial(node, id, isBootstrap: true) } }
        }
        return
      }
      if other.core.isCrowded(for: node.id) {
        let records = other.core.introductions()
        node.core.introduced(to: records, at: now)
        node.core.dialled(id, isLinked: false, isAnswered: true, at: now)
        return settle(node)
      }
      open(node, other)
    }
  }

  private func open(_ node: Node, _ other: Node) {
    links[Pair(node.id, other.id)] = Link([node.id, other.id], at: now)
    let (mine, theirs) = (node.core.greeting(for: other.id), other.core.greeting(for: node.id))
    let (own, others) = (node.core.membership.record, other.core.membership.record)
    do {
      try node.core.linked(with: others, theirs, at: now)
      try other.core.linked(with: own, mine, at: now)
    } catch {
      faults.append("\(node.index) and \(other.index) do not agree")
    }
    node.core.dialled(other.id, isLinked: true, isAnswered: true, at: now)
    settle(node)
    settle(other)
  }

  private func close(_ link: Link, by id: PeerID?) {
    guard link.isOpen else { return }
    link.isOpen = false
    for end in link.ends {
      guard let node = byID[end], node.isUp else { continue }
      let knows = id != nil
      after(end == id ? .zero : delay()) { [unowned self] in
        guard node.isUp, links[Pair(link.ends[0], link.ends[1])] === link else { return }
        node.core.unlinked(from: link.ends[0] == end ? link.ends[1] : link.ends[0], knows: knows, at: now)
        settle(node)
      }
    }
  }

  /// Connections whose other end is gone, or cut off, end after a while.
  func look() {
    for link in links.values.sorted(by: { ($0.ends[0], $0.ends[1]) < ($1.ends[0], $1.ends[1]) })
    where link.isOpen {
      guard let one = byID[link.ends[0]], let other = byID[link.ends[1]], !reaches(one, other) else {
        continue
      }
      after(weather.timeout) { [unowned self] in
        guard let one = byID[link.ends[0]], let other = byID[link.ends[1]], !reaches(one, other) else {
          return
        }
        close(link, by: nil)
      }
    }
  }

  // MARK: What the cores want

  private func settle(_ node: Node) {
    guard node.isUp else { return }
    while let output = node.core.poll() {
      switch output {
      case .packet(let packet, let id): send(packet, from: node, to: id)
      case .word(let word, let id):
        say(from: node, to: id) { [unowned self] other in
          do { try other.core.hear(word, from: node.id, at: now) } catch {
            faults.append("\(other.index) does not understand \(node.index)")
          }
        }
      case .wake(let id): feed(id, from: node)
      case .event(let event): take(event, of: node)
      }
    }
    let next = node.core.nextDeadline
    if node.deadline.map({ next < $0 || $0 < now }) ?? true {
      node.deadline = next
      at(next) { [unowned self] in
        guard node.isUp, node.deadline == next else { return }
        node.deadline = nil
        node.core.handleDeadline(at: now)
        settle(node)
      }
    }
  }

  private func feed(_ id: PeerID, from node: Node) {
    guard links[Pair(node.id, id)]?.isOpen == true else { return }
    while let message = node.core.nextMessage(for: id) {
      say(from: node, to: id) { [unowned self] other in
        switch message {
        case .broadcast(let message): other.core.receive(message, from: node.id, at: now)
        case .direct(let number, let message):
          do { try other.core.receive(message, number, from: node.id, at: now) } catch {
            faults.append("\(other.index) does not take \(number) from \(node.index)")
          }
          other.core.acknowledge(node.id)
        }
      }
    }
  }

  private func take(_ event: MeshCore.Event, of node: Node) {
    switch event {
    case .dial(let member): dial(node, member.id)
    case .drop(let id):
      if let link = links[Pair(node.id, id)] {
        let isGone = byID[id].map { !reaches(node, $0) } ?? true
        if isGone {
          node.core.unlinked(from: id, knows: true, at: now)
          link.isOpen = false
          // The other side notices later.
          if let other = byID[id], other.isUp {
            after(weather.timeout) { [unowned self] in
              if other.isUp, links[Pair(node.id, id)] === link {
                other.core.unlinked(from: node.id, knows: false, at: now)
                settle(other)
              }
            }
          }
        } else {
          close(link, by: node.id)
        }
      }
    case .broadcast(.message(let message)):
      let before = node.heard[message.source] ?? 0
      // Whoever comes hears what is said from then on; of what follows nothing is left out.
      if message.number <= before
        || (before > 0 && message.number > before + 1 + (node.missed[message.source.id] ?? 0))
      {
        faults.append("\(node.index) heard \(message.number) after \(before)")
      }
      node.missed[message.source.id] = nil
      node.heard[message.source] = message.number
    case .broadcast(.missed(let source, let count)): node.missed[source, default: 0] += count
    default: break
    }
    onEvent(node, event)
  }

  private func send(_ packet: [UInt8], from node: Node, to id: PeerID) {
    guard let other = byID[id], links[Pair(node.id, id)]?.isOpen == true else { return }
    if weather.loss > 0, random.unit() < weather.loss { return }
    after(delay()) { [unowned self] in
      guard reaches(node, other) else { return }
      other.core.receive(packet: packet, from: node.id, at: now)
      settle(other)
    }
  }

  private func say(from node: Node, to id: PeerID, _ body: @escaping (Node) -> Void) {
    guard let link = links[Pair(node.id, id)], link.isOpen, let other = byID[id] else { return }
    var time = delay()
    while weather.loss > 0, random.unit() < weather.loss { time += weather.delay.upperBound * 3 }
    let direction = link.ends[0] == node.id ? 0 : 1
    link.arrival[direction] = max(link.arrival[direction], now.advanced(by: time))
    at(link.arrival[direction]) { [unowned self] in
      guard link.isOpen, reaches(node, other) else { return }
      body(other)
      settle(other)
    }
  }

  // MARK: Time

  func after(_ time: Duration, _ run: @escaping () -> Void) { at(now.advanced(by: time), run) }

  private func at(_ time: Instant, _ run: @escaping () -> Void) {
    count += 1
    heap.append(Happening(at: max(time, now), number: count, run: run))
    var place = heap.count - 1
    while place > 0, isEarlier(heap[place], heap[(place - 1) / 2]) {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  private func isEarlier(_ one: Happening, _ other: Happening) -> Bool {
    one.at != other.at ? one.at < other.at : one.number < other.number
  }

  private func popFirst() -> Happening {
    heap.swapAt(0, heap.count - 1)
    let first = heap.removeLast()
    var place = 0
    while true {
      var least = place
      for child in [place * 2 + 1, place * 2 + 2] where child < heap.count {
        if isEarlier(heap[child], heap[least]) { least = child }
      }
      if least == place { return first }
      heap.swapAt(place, least)
      place = least
    }
  }

  /// Lets time pass.
  public func pass(_ time: Duration) {
    let end = now.advanced(by: time)
    while let first = heap.first, first.at <= end {
      let happening = popFirst()
      now = happening.at
      happening.run()
    }
    now = end
  }

  /// Broadcasts something.
  func broadcast(_ node: Node, _ bytes: [UInt8], topic: String = "") {
    node.core.broadcast(bytes, isText: false, topic: topic, at: now)
    settle(node)
  }
}

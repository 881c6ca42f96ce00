import Warren
import WarrenSimulator

/// What many nodes of a mesh owe each other, tried with their cores alone: see ``Swarm``.
public struct SwarmTrial: Sendable {
  /// How many nodes.
  public var nodes: Int
  /// How many packets are lost.
  public var loss = 0.0
  /// Whether they crash and come back, and are cut in two, while they talk.
  public var isRough = false

  /// A trial of so many.
  public init(nodes: Int) { self.nodes = nodes }

  /// What came of it.
  public struct Outcome: Sendable {
    public var faults: [String] = []
    /// How long it took until all knew all.
    public var joining: Duration?
    /// How long it took until all knew that one was dead.
    public var dying: Duration?
    /// Broadcasts, copies of them that were sent for each node that had it, and words about them.
    public var broadcasts = 0
    public var copies = 0.0
    public var words = 0.0
    /// What a node sends a second when nobody says anything, in bytes, packets and connections.
    public var bytes = 0.0
    public var packets = 0.0
    public var links = 0.0
  }

  // MARK: Whole trials

  /// They join, talk, lose one, and talk again.
  public func run(seed: UInt64) -> Outcome {
    var outcome = Outcome()
    let swarm = Swarm(seed: seed)
    swarm.weather.loss = loss
    let ledger = Ledger(swarm)
    join(swarm, &outcome)
    measure(swarm, &outcome)
    talk(swarm, ledger, &outcome)
    if nodes > 2 { bury(swarm, &outcome) }
    if isRough {
      churn(swarm, ledger)
      cut(swarm, ledger)
    }
    swarm.pass(.seconds(30))
    outcome.faults += swarm.faults + ledger.settle()
    return outcome
  }

  /// They do nothing but look after each other, for so long: nobody is to be taken for dead.
  public func idle(_ time: Duration, seed: UInt64) -> Outcome {
    var outcome = Outcome()
    let swarm = Swarm(seed: seed)
    swarm.weather.loss = loss
    join(swarm, &outcome)
    var deaths: [String] = []
    swarm.onEvent = { node, event in
      if case .membership(.died(let member)) = event {
        deaths.append("\(node.index) takes \(member.name) for dead at \(swarm.now)")
      }
    }
    swarm.pass(time)
    outcome.faults += swarm.faults + deaths.prefix(3)
    return outcome
  }

  // MARK: Parts

  private func join(_ swarm: Swarm, _ outcome: inout Outcome) {
    for index in 0..<nodes {
      // A person or a registry names a few, the first among them.
      let known = index == 0 ? [] : [0, Int(swarm.random.next() % UInt64(index))]
      swarm.start(index, knowing: Array(Set(known)).sorted())
      swarm.pass(.milliseconds(1000 / nodes))
    }
    let start = swarm.now
    outcome.joining = wait(swarm, atMost: .seconds(30)) {
      swarm.nodes.allSatisfy { $0.core.membership.count == nodes && $0.core.links.hasAllWanted }
    }
    if outcome.joining == nil {
      let least = swarm.nodes.map(\.core.membership.count).min() ?? 0
      let lonely = swarm.nodes.count { !$0.core.links.hasAllWanted }
      outcome.faults.append(
        "after \(start.duration(to: swarm.now)) one knows \(least) of \(nodes), and \(lonely) lack neighbours"
      )
    }
  }

  private func wait(_ swarm: Swarm, atMost limit: Duration, until isDone: () -> Bool) -> Duration? {
    let start = swarm.now
    while start.duration(to: swarm.now) < limit {
      if isDone() { return start.duration(to: swarm.now) }
      swarm.pass(.milliseconds(50))
    }
    return nil
  }

  private func measure(_ swarm: Swarm, _ outcome: inout Outcome) {
    // What they had to say to each other when they came is said.
    swarm.pass(.seconds(20))
    let before = swarm.nodes.map(\.core.membership.counters)
    let start = swarm.now
    swarm.pass(.seconds(30))
    let time = start.duration(to: swarm.now) / .seconds(1)
    let after = swarm.nodes.map(\.core.membership.counters)
    let sum = zip(before, after).reduce((0, 0)) {
      ($0.0 + $1.1.bytes - $1.0.bytes, $0.1 + $1.1.packets - $1.0.packets)
    }
    outcome.bytes = Double(sum.0) / time / Double(nodes)
    outcome.packets = Double(sum.1) / time / Double(nodes)
    outcome.links = Double(swarm.nodes.reduce(0) { $0 + $1.core.links.links }) / Double(nodes)
  }

  private func talk(_ swarm: Swarm, _ ledger: Ledger, _ outcome: inout Outcome) {
    let speakers = (0..<min(nodes, 5)).map { $0 * nodes / min(nodes, 5) }
    // The first of each sender finds its tree.
    for speaker in speakers { ledger.broadcast(swarm.node(speaker)) }
    swarm.pass(.seconds(3))
    let before = swarm.nodes.map(\.core.broadcasts.counters)
    for _ in 0..<10 {
      for speaker in speakers { ledger.broadcast(swarm.node(speaker)) }
      swarm.pass(.milliseconds(100))
    }
    swarm.pass(.seconds(5))
    let after = swarm.nodes.map(\.core.broadcasts.counters)
    let sum = zip(before, after).reduce((0, 0, 0)) {
      ($0.0 + $1.1.delivered - $1.0.delivered, $0.1 + $1.1.sent - $1.0.sent, $0.2 + $1.1.haves - $1.0.haves)
    }
    outcome.broadcasts = 10 * speakers.count
    outcome.copies = Double(sum.1) / Double(max(sum.0, 1))
    outcome.words = Double(sum.2) / Double(max(sum.0, 1))
  }

  private func bury(_ swarm: Swarm, _ outcome: inout Outcome) {
    let victim = nodes / 2
    let id = Swarm.id(victim)
    swarm.crash(victim)
    swarm.look()
    outcome.dying = wait(swarm, atMost: .seconds(60)) {
      swarm.nodes.allSatisfy { !$0.isUp || $0.core.membership.member(id)?.state == .dead }
    }
    if outcome.dying == nil { outcome.faults.append("after a minute some do not know that one is dead") }
    swarm.start(victim, knowing: [0, victim - 1])
    swarm.pass(.seconds(10))
  }

  /// A tenth of them crash and come back, while all talk.
  private func churn(_ swarm: Swarm, _ ledger: Ledger) {
    for _ in 0..<5 {
      let victims = (0..<max(nodes / 10, 1)).map { _ in 1 + Int(swarm.random.next() % UInt64(nodes - 1)) }
      for victim in Set(victims).sorted() { swarm.crash(victim) }
      swarm.look()
      for _ in 0..<40 {
        ledger.broadcast(swarm.nodes.filter(\.isUp).randomElement(using: &swarm.random)!)
        swarm.pass(.milliseconds(200))
      }
      for victim in Set(victims).sorted() { swarm.start(victim, knowing: [0, (victim + 1) % nodes]) }
      for _ in 0..<20 {
        ledger.broadcast(swarm.nodes.filter(\.isUp).randomElement(using: &swarm.random)!)
        swarm.pass(.milliseconds(200))
      }
    }
    swarm.pass(.seconds(20))
  }

  /// They are cut in two, and talk on both sides; then they are one again.
  private func cut(_ swarm: Swarm, _ ledger: Ledger) {
    for node in swarm.nodes { node.side = Int(swarm.random.next() % 2) }
    swarm.look()
    for _ in 0..<100 {
      ledger.broadcast(swarm.nodes.randomElement(using: &swarm.random)!)
      swarm.pass(.milliseconds(600))
    }
    for node in swarm.nodes { node.side = 0 }
    for _ in 0..<10 {
      ledger.broadcast(swarm.nodes.randomElement(using: &swarm.random)!)
      swarm.pass(.milliseconds(600))
    }
    swarm.pass(.seconds(90))
  }

  /// Who has said what, and who was there.
  private final class Ledger {
    private let swarm: Swarm
    private var said: [(source: BroadcastCore.Source, number: UInt64, owed: [Swarm.Node])] = []
    private var missed: [String] = []

    init(_ swarm: Swarm) {
      self.swarm = swarm
      swarm.onEvent = { [unowned self] node, event in
        if case .broadcast(.missed(let source, let count)) = event {
          missed.append("\(node.index) is told that it has missed \(count) of \(swarm.index(of: source))")
        }
      }
    }

    /// Everybody is owed it who is there, and has come so long ago that it is part of the mesh.
    func broadcast(_ node: Swarm.Node) {
      let before = node.core.broadcasts.counters.published
      swarm.broadcast(node, [1, 2, 3])
      let isPart = node.core.links.links > 0
      let owed = swarm.nodes.filter {
        $0 !== node && $0.isUp && isPart && $0.core.links.links > 0
          && $0.born.duration(to: swarm.now) > .seconds(10)
          && node.born.duration(to: swarm.now) > .seconds(10)
      }
      said.append((node.core.broadcasts.me, UInt64(before + 1), owed))
    }

    /// What somebody was owed and has not heard.
    func settle() -> [String] {
      var faults: [String] = []
      let alive = Set(swarm.nodes.filter(\.isUp).map { $0.core.broadcasts.me })
      for (source, number, owed) in said {
        // Who has crashed owes nothing that it alone had.
        guard alive.contains(source) else { continue }
        for node in owed where node.isUp && alive.contains(node.core.broadcasts.me) {
          if node.heard[source] ?? 0 < number {
            faults.append("\(node.index) has not heard \(number) of \(swarm.index(of: source.id))")
          }
        }
      }
      return Array(faults.prefix(5) + missed.prefix(5))
    }
  }
}

extension Swarm {
  func index(of id: PeerID) -> Int { nodes.first { $0.id == id }?.index ?? -1 }
}

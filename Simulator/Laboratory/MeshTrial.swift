import Warren
import WarrenSimulator

/// A mesh of whole nodes behind all kinds of NATs: they find each other by the registry, talk, and lose one.
public struct MeshTrial: Sendable {
  /// How many nodes.
  public var nodes: Int
  /// Where they stand, one after the other.
  public var places: [Place] = [
    .public, .fullCone, .restricted, .portRestricted, .random, .sequential, .firewall,
    .portRestricted.overCarrier,
  ]
  /// How many of the packets between two nodes are lost.
  public var loss = 0.0
  /// How many say something to all: others are heard in the same way.
  public var speakers = 50
  /// Whether one is cut off for a while, and one crashes and comes back.
  public var isRough = false
  /// Up to how many each is connected with all.
  public var fullMesh = 32

  /// A mesh of so many.
  public init(nodes: Int) { self.nodes = nodes }

  /// What came of it.
  public struct Outcome: Sendable {
    public var faults: [String] = []
    /// How long it took until all knew all, and until all knew that one was gone without a word.
    public var joining: Duration?
    public var dying: Duration?
    /// How long it took until all knew that one had left.
    public var leaving: Duration?
    /// How many neighbours a node has.
    public var neighbours = 0.0

    /// Nothing yet.
    public init() {}
  }

  /// A node and what it has heard.
  private final class Node: @unchecked Sendable {
    let name: String
    let mesh: Mesh
    var heard: [PeerID: [String]] = [:]
    var events: [String] = []
    var listening: Task<Void, any Error>?

    init(_ name: String, _ mesh: Mesh) {
      self.name = name
      self.mesh = mesh
    }

    func listen() {
      listening = mesh.machine.spawn("what \(name) hears") {
        for await event in self.mesh.events {
          if case .message(let message) = event, case .text(let text) = message.content {
            self.heard[message.sender, default: []].append(text)
          } else {
            self.events.append("\(event)")
          }
        }
      }
    }
  }

  public func run(seed: UInt64, keptEvents: Int = 0) async throws -> (outcome: Outcome, trace: Trace) {
    var configuration = World.Configuration()
    configuration.keptEvents = keptEvents
    configuration.lose(loss)
    let world = World(seed: seed, configuration: configuration) {
      for number in 0..<nodes { places[number % places.count].node("node \(number)") }
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
    let outcome = try await world.run { world in try await play(in: world) }
    return (outcome, world.trace)
  }

  private func play(in world: World) async throws -> Outcome {
    var outcome = Outcome()
    let setting = try await PeerSetting(in: world, relays: true)
    var all: [Node] = []
    for number in 0..<nodes {
      let name = "node \(number)"
      var configuration = Mesh.Configuration(mesh: "trial", name: name)
      setting.configure(&configuration.peer)
      configuration.peer.search = nil
      configuration.bootstraps = [.registry]
      configuration.fullMesh = fullMesh
      if number > 0 { configuration.bootstraps.append(.peer(all[0].mesh.id)) }
      let node = Node(name, try Mesh(configuration, on: world.machine(name)))
      all.append(node)
      node.listen()
      try await node.mesh.start()
      try await world.machine(name).sleep(for: .milliseconds(1000 / nodes))
    }
    let machine = world.machine("registry")
    outcome.joining = try await wait(on: machine, atMost: .seconds(60)) {
      for node in all where await node.mesh.members.count(where: \.isThere) != nodes { return false }
      return true
    }
    if outcome.joining == nil { outcome.faults.append("they have not all joined after a minute") }
    try await machine.sleep(for: .seconds(10))
    for node in all { outcome.neighbours += Double(await node.mesh.neighbours.count) / Double(nodes) }
    // All say something, three times, or some of very many, from the first to the last.
    let speakers = Set(stride(from: 0, to: nodes, by: max(1, nodes / speakers)).map { all[$0].name })
    for round in 0..<3 {
      for node in all where speakers.contains(node.name) {
        try await node.mesh.broadcast("\(node.name) says \(round)")
      }
      try await machine.sleep(for: .milliseconds(300))
    }
    // One says something to another one alone.
    try await all[0].mesh.send("between us", to: all[nodes - 1].mesh.id)
    try await machine.sleep(for: .seconds(20))
    for node in all {
      for other in all where other !== node {
        var expected = speakers.contains(other.name) ? (0..<3).map { "\(other.name) says \($0)" } : []
        if other === all[0], node === all[nodes - 1] { expected.append("between us") }
        let heard = node.heard[other.mesh.id] ?? []
        // In order; what is said to one alone comes by another way.
        if heard.filter({ $0 != "between us" }) != expected.filter({ $0 != "between us" })
          || heard.count != expected.count
        {
          outcome.faults.append("\(node.name) has heard \(heard) of \(other.name)")
        }
      }
    }
    if isRough {
      try await cut(all, in: world, &outcome)
      try await restart(&all, in: world, setting, &outcome)
    }
    if nodes > 2 {
      let victim = all[nodes / 2]
      victim.listening?.cancel()
      await world.machine(victim.name).close()
      // Nobody hears that it goes: only its tasks end.
      await victim.mesh.leave()
      let rest = all.filter { $0 !== victim }
      outcome.dying = try await wait(on: machine, atMost: .seconds(60)) {
        for node in rest
        where await node.mesh.members.first(where: { $0.id == victim.mesh.id })?.isThere ?? false {
          return false
        }
        return true
      }
      if outcome.dying == nil { outcome.faults.append("after a minute some do not know that one is gone") }
      for node in rest {
        let dead = await node.mesh.members.filter { $0.state == .dead && $0.id != victim.mesh.id }
        if !dead.isEmpty { outcome.faults.append("\(node.name) takes \(dead.map(\.name)) for dead") }
      }
      all = rest
    }
    // One goes, and its last words are heard.
    let goer = all.removeLast()
    try await goer.mesh.broadcast("goodbye")
    await goer.mesh.leave()
    outcome.leaving = try await wait(on: machine, atMost: .seconds(5)) { [all] in
      for node in all where await node.mesh.members.first(where: { $0.id == goer.mesh.id })?.state != .left {
        return false
      }
      return true
    }
    if outcome.leaving == nil {
      outcome.faults.append("after five seconds some do not know that \(goer.name) has left")
    }
    try await machine.sleep(for: .seconds(2))
    for node in all {
      if node.heard[goer.mesh.id]?.last != "goodbye" {
        outcome.faults.append("\(node.name) has not heard the last words of \(goer.name)")
      }
    }
    for node in all { await node.mesh.leave() }
    await setting.close()
    outcome.faults = Array(outcome.faults.prefix(5))
    return outcome
  }

  /// One is cut off from all others for a while, and both sides talk.
  private func cut(_ all: [Node], in world: World, _ outcome: inout Outcome) async throws {
    let victim = all[nodes / 3]
    let machine = world.machine("registry")
    isolate(victim, from: all, in: world, true)
    try await all[nodes / 3 == 0 ? 1 : 0].mesh.send("into the void", to: victim.mesh.id)
    try await machine.sleep(for: .seconds(20))
    let rest = all.filter { $0 !== victim }
    for node in rest where await node.mesh.members.first(where: { $0.id == victim.mesh.id })?.isThere ?? true
    {
      outcome.faults.append("\(node.name) does not know that \(victim.name) is cut off")
    }
    let other = rest[0]
    try await victim.mesh.broadcast("from within")
    try await other.mesh.broadcast("from without")
    try await machine.sleep(for: .seconds(10))
    isolate(victim, from: all, in: world, false)
    let healing = try await wait(on: machine, atMost: .seconds(120)) {
      for node in all where await node.mesh.members.count(where: \.isThere) != nodes { return false }
      return true
    }
    if healing == nil { outcome.faults.append("two minutes after a cut they have not all found each other") }
    // What was said to one alone before is given up, and what is said now comes.
    try await other.mesh.send("again", to: victim.mesh.id)
    try await victim.mesh.send("again", to: other.mesh.id)
    try await machine.sleep(for: .seconds(10))
    for node in rest where !(node.heard[victim.mesh.id] ?? []).contains("from within") {
      outcome.faults.append("\(node.name) has not heard what was said within the cut")
    }
    let heard = (victim.heard[other.mesh.id] ?? [], other.heard[victim.mesh.id] ?? [])
    if !heard.0.contains("from without") {
      outcome.faults.append("what was said without the cut was not heard within")
    }
    if !heard.0.contains("again") || !heard.1.contains("again") {
      outcome.faults.append("after a cut the two do not hear each other: \(heard)")
    }
  }

  /// One is gone without a word, and comes back under its key.
  private func restart(
    _ all: inout [Node], in world: World, _ setting: PeerSetting, _ outcome: inout Outcome
  ) async throws {
    let victim = all[nodes / 2]
    let machine = world.machine("registry")
    isolate(victim, from: all, in: world, true)
    await victim.mesh.leave()
    try await machine.sleep(for: .seconds(1))
    isolate(victim, from: all, in: world, false)
    let again = Node(victim.name, try Mesh(victim.mesh.configuration, on: world.machine(victim.name)))
    all[nodes / 2] = again
    again.listen()
    try await again.mesh.start()
    try await machine.sleep(for: .seconds(15))
    let isKnown = try await wait(on: machine, atMost: .seconds(60)) { [all] in
      for node in all where await node.mesh.members.count(where: \.isThere) != nodes { return false }
      return true
    }
    if isKnown == nil { outcome.faults.append("a minute later some do not know that one is back") }
    let other = all[0]
    try await again.mesh.broadcast("I am back")
    try await again.mesh.send("you, too?", to: other.mesh.id)
    try await other.mesh.send("yes", to: again.mesh.id)
    try await machine.sleep(for: .seconds(10))
    for node in all where node !== again && !(node.heard[again.mesh.id] ?? []).contains("I am back") {
      outcome.faults.append("\(node.name) does not hear who is back")
    }
    if !(other.heard[again.mesh.id] ?? []).contains("you, too?") || again.heard[other.mesh.id] != ["yes"] {
      outcome.faults.append("who is back has heard \(again.heard[other.mesh.id] ?? [])")
    }
  }

  private func isolate(_ victim: Node, from all: [Node], in world: World, _ isCut: Bool) {
    for name in all.filter({ $0 !== victim }).map(\.name) + ["registry", "stun"] {
      if isCut {
        world.cut(between: victim.name, and: name)
      } else {
        world.mend(between: victim.name, and: name)
      }
    }
  }

  private func wait(
    on machine: any Machine, atMost limit: Duration, until isDone: () async -> Bool
  ) async throws -> Duration? {
    let start = machine.now
    while start.duration(to: machine.now) < limit {
      if await isDone() { return start.duration(to: machine.now) }
      try await machine.sleep(for: .milliseconds(50))
    }
    return nil
  }
}

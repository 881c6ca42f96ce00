import Glibc
import TestSupport
import Warren
import WarrenMachine

@testable import WarrenScenarios
@testable import WarrenSimulator

/// Where a scenario is played in this kernel: its network of namespaces, and the command `warren` on its machines. Used on one thread.
final class LabStage {
  private let scenario: Scenario
  private let topology: KernelTopology
  private let group: ProcessGroup
  private let folder: String
  private var programs: [WarrenProgram] = []
  private var registry: String?
  private var stunServers: [String] = []
  private var talks: [LabTalk] = []
  /// What is still to happen, the next last.
  private var agenda: [(time: Duration, does: () throws -> Void)] = []

  /// What came of it.
  struct Outcome: Sendable {
    var talks: [LabTalk.Outcome]
    /// How many packets each machine has sent.
    var sent: [String: Int]
  }

  /// - Throws: ``KernelObstacle`` where the lab cannot play it.
  init(_ scenario: Scenario, seed: UInt64 = 1, in folder: String) throws {
    if let obstacle = Self.obstacle(scenario) { throw obstacle }
    (self.scenario, self.folder) = (scenario, folder)
    topology = try KernelTopology(scenario.network, seed: seed)
    group = try ProcessGroup()
  }

  /// Plays it, on the calling thread.
  ///
  /// - Parameter isEnough: whether no more need be seen, asked now and then.
  func play(until isEnough: ([LabTalk]) -> Bool = { _ in false }) throws -> Outcome {
    for name in scenario.machineNames where !scenario.program(of: name).isPeer { try startServer(name) }
    let callers = Set(scenario.timeline.compactMap(\.caller))
    for name in scenario.peerNames where !callers.contains(name) { try start(peer: name) }
    for step in scenario.timeline { plan(step) }
    let begun = monotonicTime()
    while true {
      let now = monotonicTime() - begun
      while let next = agenda.last, next.time <= now {
        agenda.removeLast()
        try next.does()
      }
      for talk in talks { talk.goOn() }
      if agenda.isEmpty, talks.allSatisfy(\.isOver) || isEnough(talks) { break }
      usleep(useconds_t(LabLimits.look / .microseconds(1)))
    }
    let sent = scenario.machineNames.map { ($0, topology.sent(by: $0)) }
    return Outcome(talks: talks.map(\.outcome), sent: Dictionary(uniqueKeysWithValues: sent))
  }

  /// Plays it on a thread of its own, in a folder that is gone afterwards.
  static func play(
    _ scenario: Scenario, seed: UInt64 = 1,
    until isEnough: @escaping @Sendable ([LabTalk]) -> Bool = { _ in false }
  ) async throws -> Outcome {
    let outcome = Guarded<Outcome?>(nil)
    try await Folder.with { folder in
      let result = try await awaitThread {
        try LabStage(scenario, seed: seed, in: folder).play(until: isEnough)
      }
      outcome.withLock { $0 = result }
    }
    return outcome.withLock { $0! }
  }

  // MARK: Programs

  private func start(_ name: String, at machine: String, _ words: [String]) throws -> WarrenProgram {
    let program = try topology.namespace(of: machine).enter {
      try WarrenProgram(name, in: folder, words, with: group)
    }
    programs.append(program)
    return program
  }

  /// Waits until it has printed a line.
  private func firstLine(of program: WarrenProgram) throws -> String {
    let end = monotonicTime() + LabLimits.beginning
    while monotonicTime() < end {
      if program.out.contains("\n") { return String(program.out.prefix { $0 != "\n" }) }
      usleep(useconds_t(LabLimits.look / .microseconds(1)))
    }
    throw KernelFailure(description: "\(program.name) says nothing: \(program.err)")
  }

  private func startServer(_ name: String) throws {
    let address = topology.address(of: name)
    func serve(_ words: [String], at port: UInt16) throws -> String {
      let own = ["serve", "--address", "\(address)", "-p", "\(port)", "-k", "\(folder)/\(name)-\(port).pem"]
      return try firstLine(of: start("\(name)-\(port)", at: name, own + words))
    }
    switch scenario.program(of: name) {
    case .registry(let port, let relays):
      // No address of an example is public.
      registry = try serve(relays ? ["--relay-to", "0.0.0.0/0"] : ["--no-relay"], at: port)
    case .stun:
      for port in [3478, 3479] as [UInt16] {
        _ = try serve(["--no-relay"], at: port)
        stunServers.append("\(address):\(port)")
      }
    default: break
    }
  }

  @discardableResult
  private func start(peer name: String, calling other: String? = nil) throws -> WarrenProgram {
    guard case .peer(let wishes) = scenario.program(of: name) else { fatalError("\(name) is no peer") }
    var words = ["peer", "--id", name, "-k", "\(folder)/\(name).pem", "-v", "--paths", "\(wishes.paths)"]
    if wishes.port != 0 { words += ["-p", "\(wishes.port)"] }
    if let registry { words += ["-r", registry] }
    if let search = wishes.search { words += ["--search", search.rawValue] }
    for server in stunServers { words += ["--stun", server] }
    if let other { words += ["--connect", other] }
    let program = try start(name, at: name, words)
    if other == nil { _ = try firstLine(of: program) }
    return program
  }

  // MARK: What happens

  private func plan(_ step: Step) {
    let (topology, time) = (topology, step.time)
    switch step.action {
    case .connect(let one, let other, .lasting(let length)):
      then(at: time) { [unowned self] in
        talks.append(LabTalk(one, other, for: length, try start(peer: one, calling: other)))
      }
    case .cut(let one, let other, let isOneWay, let length):
      let ways = isOneWay ? [(one, other)] : [(one, other), (other, one)]
      then(at: time) { for way in ways { topology.change { $0.cut(from: way.0, to: way.1) } } }
      guard let length else { return }
      then(at: time + length) { for way in ways { topology.change { $0.mend(from: way.0, to: way.1) } } }
    case .link(let name, let link, let length):
      let usual = topology.change { world in
        LinkPair(
          up: world.machine(name).uplink.configuration, down: world.machine(name).downlink.configuration)
      }
      then(at: time) { Self.set(link, of: name, topology) }
      if let length { then(at: time + length) { Self.set(usual, of: name, topology) } }
    case .down(let name, let length):
      then(at: time) { Self.setLinks(of: name, up: false, topology) }
      if let length { then(at: time + length) { Self.setLinks(of: name, up: true, topology) } }
    case .reboot(let name, let isElsewhere):
      then(at: time) { try topology.reboot(name, isElsewhere: isElsewhere) }
    case .lease(let name): then(at: time) { try topology.move(name) { $0.renumber() } }
    case .roam(let name, let box, let gap):
      then(at: time) { Self.setLinks(of: name, up: false, topology) }
      then(at: time + gap) {
        let target = topology.change { $0.box(box) }
        try topology.move(name) { $0.roam(behind: target) }
        Self.setLinks(of: name, up: true, topology)
      }
    default: break
    }
  }

  private func then(at time: Duration, _ does: @escaping () throws -> Void) {
    let place = agenda.lastIndex { $0.time > time }.map { $0 + 1 } ?? 0
    agenda.insert((time, does), at: place)
  }

  private static func set(_ link: LinkPair, of name: String, _ topology: KernelTopology) {
    topology.change { world in
      let machine = world.machine(name)
      (machine.uplink.configuration, machine.downlink.configuration) = (link.up, link.down)
    }
  }

  private static func setLinks(of name: String, up isUp: Bool, _ topology: KernelTopology) {
    topology.change { world in
      world.machine(name).uplink.configuration.isUp = isUp
      world.machine(name).downlink.configuration.isUp = isUp
    }
  }
}

extension Step {
  /// Who calls in it.
  fileprivate var caller: String? { if case .connect(let one, _, _) = action { one } else { nil } }
}

import Warren
import WarrenSimulator

/// What goes wrong besides: drawn from the seed, over by its end.
///
/// Faults come in swarms: a run has only some kinds of them, and those often, since what rarely comes together is where mistakes are.
struct Chaos {
  /// What happens, in the order of time.
  let steps: [Step]

  private enum Kind: CaseIterable {
    case down, cut, cutOneWay, badLink, reboot, elsewhere, lease, crashOfServer, crashOfPeer, restart
  }

  init(_ scenario: Scenario, seed: UInt64) {
    // A stream of its own for each kind: taking one away does not move the others.
    var steps: [Step] = []
    let machines = scenario.machineNames.filter { scenario.program(of: $0).isEnd }
    let servers = scenario.machineNames.filter {
      switch scenario.program(of: $0) {
      case .registry, .relay: true
      default: false
      }
    }
    let boxes = scenario.boxNames
    let length = max(scenario.end, ScenarioLimits.chaos)
    for kind in Kind.allCases {
      var chance = SimulatorRandom(seed: seed, stream: "chaos: \(kind)")
      guard chance.chance(0.25) else { continue }
      var time = Duration.zero
      while time < length {
        time += .milliseconds(2000 + chance.below(2000))
        let (first, second, fault) = (chance.next(), chance.next(), chance.chance(0.25))
        let lasts = Duration.milliseconds(500 + chance.below(4500))
        guard fault, let action = Self.action(kind, machines, servers, boxes, first, second, lasts) else {
          continue
        }
        steps.append(Step(at: time, action))
      }
    }
    self.steps = steps.sorted { ($0.time, $0.description) < ($1.time, $1.description) }
  }

  private static func action(
    _ kind: Kind, _ peers: [String], _ servers: [String], _ boxes: [String], _ first: UInt64,
    _ second: UInt64,
    _ length: Duration
  ) -> Step.Action? {
    func one(of names: [String], _ number: UInt64) -> String? {
      names.isEmpty ? nil : names[Int(number % UInt64(names.count))]
    }
    guard let peer = one(of: peers, first) else { return nil }
    let other = one(of: (peers + servers).filter { $0 != peer }, second)
    switch kind {
    case .down: return .down(peer, length: length)
    case .cut: return other.map { .cut(peer, $0, isOneWay: false, length: length) }
    case .cutOneWay: return other.map { .cut(peer, $0, isOneWay: true, length: length) }
    case .badLink: return .link(peer, .bad, length: length)
    case .reboot: return one(of: boxes, first).map { .reboot($0, isElsewhere: false) }
    case .elsewhere: return one(of: boxes, first).map { .reboot($0, isElsewhere: true) }
    case .lease: return .lease(peer)
    case .crashOfServer: return one(of: servers, first).map { .crash($0, length: length) }
    case .crashOfPeer: return .crash(peer, length: length)
    case .restart: return .restart(peer)
    }
  }
}

extension LinkPair {
  /// A network that a quarter of the packets is lost in, in bursts, and the others are late.
  static let bad: LinkPair = {
    var link = LinkConfiguration(latency: .milliseconds(100))
    (link.jitter, link.reordering, link.duplication) = (.milliseconds(50), 0.05, 0.02)
    link.burstLoss = LinkConfiguration.BurstLoss(begins: 0.1, ends: 0.3)
    return LinkPair(link)
  }()
}

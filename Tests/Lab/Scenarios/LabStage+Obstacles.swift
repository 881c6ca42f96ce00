import Warren
import WarrenMachine

@testable import WarrenScenarios
@testable import WarrenSimulator

// What the lab leaves to the simulator.
extension LabStage {
  /// Why this scenario cannot be played; nil where it can, as far as is known before it is built.
  static func obstacle(_ scenario: Scenario) -> KernelObstacle? {
    obstacle(ofPrograms: scenario) ?? obstacle(ofTimeline: scenario) ?? obstacle(ofNetwork: scenario)
  }

  private static func obstacle(ofPrograms scenario: Scenario) -> KernelObstacle? {
    for name in scenario.machineNames {
      switch scenario.program(of: name) {
      case .relay: return KernelObstacle("the lab has the registry's relay alone")
      case .neighbour: return KernelObstacle("the lab has nobody who opens mappings")
      case .peer(let wishes):
        if wishes.mapsPorts { return KernelObstacle("nobody gives ports to those who ask") }
        if wishes.admits != .everyone {
          return KernelObstacle("whoever is called with the command lets everyone in")
        }
        if wishes.search == nil { return KernelObstacle("the command always searches") }
        if wishes.relays != nil { return KernelObstacle("the lab has the registry's relay alone") }
      case .registry, .stun, .nothing: break
      case .mesh, .echo, .hostile, .portal, .own:
        return KernelObstacle("the lab has registries and peers alone")
      }
    }
    return nil
  }

  private static func obstacle(ofTimeline scenario: Scenario) -> KernelObstacle? {
    let calls = scenario.timeline.filter(\.isConnecting).map(\.time)
    var callers: Set<String> = []
    var called: Set<String> = []
    for step in scenario.timeline {
      switch step.action {
      case .connect(let one, let other, .lasting):
        guard callers.insert(one).inserted else { return KernelObstacle("\(one) calls twice") }
        called.insert(other)
      case .connect: return KernelObstacle("the command says words, and not bytes as fast as they go")
      case .close, .prefer, .crash, .restart, .sleep, .clock, .ask, .broadcast, .open:
        return KernelObstacle("the lab does not do this: \(step.action)")
      case .reboot where calls.contains { $0 <= step.time && step.time - $0 < LabLimits.slack }:
        return KernelObstacle("the lab does not meet the moment of a meeting: \(step.action)")
      case .cut, .link, .down, .reboot, .lease, .roam: break
      }
    }
    guard callers.isDisjoint(with: called) else { return KernelObstacle("somebody calls, and is called") }
    return nil
  }

  private static func obstacle(ofNetwork scenario: Scenario) -> KernelObstacle? {
    let world = World(seed: 1) { scenario.network }
    for name in scenario.peerNames
    where world.machine(name).ownAddresses.contains(where: { $0.family == .v6 }) {
      return KernelObstacle("the lab speaks IPv4 alone")
    }
    return KernelTopology.obstacle(to: world)
  }
}

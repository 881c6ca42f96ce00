import Warren
import WarrenSimulator

extension Stage {
  /// Nobody has sent more than what is said can need.
  func judgePackets() {
    let bulk = scenario.timeline.reduce(0) { sum, step in
      if case .connect(_, _, .bytes(let count)) = step.action { sum + count / 300 } else { sum }
    }
    let ends = scenario.machineNames.count { scenario.program(of: $0).isEnd }
    for name in scenario.machineNames {
      let isServer = !scenario.program(of: name).isEnd
      let most = ScenarioLimits.packetsPerSecond * (isServer ? max(1, ends) : 1) + bulk
      let peak = world.machine(name).traffic.peak
      judgement.expect(peak <= most, .noStorm, "\(name) has sent \(peak) packets in a second")
    }
  }
}

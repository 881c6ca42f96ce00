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
    for name in scenario.peerNames {
      let (sent, most) = (world.machine(name).traffic.packets, self.most(of: name) + bulk)
      judgement.expect(sent <= most, .noStorm, "\(name) has sent \(sent) packets, and \(most) would be many")
    }
  }

  /// How many packets a peer may need, whatever happens.
  private func most(of name: String) -> Int {
    var (searches, talking) = (0, Duration.zero)
    for step in scenario.timeline {
      if case .connect(let one, let other, let talk) = step.action {
        guard [one, other].contains(name) else { continue }
        if case .lasting(let length) = talk { talking += length }
      }
      searches += 1
    }
    let seconds = Int(begun.duration(to: world.now) / .seconds(1))
    var triesAll = false
    if case .peer(let wishes) = scenario.program(of: name) { triesAll = wishes.search == .exhaustive }
    return searches * (triesAll ? ScenarioLimits.packetsPerSweep : ScenarioLimits.packetsPerSearch)
      + Int(talking / .seconds(1)) * ScenarioLimits.packetsPerSecondOfTalk
      + seconds * ScenarioLimits.packetsPerIdleSecond
  }
}

import Warren
import WarrenSimulator

extension Stage {
  /// Nobody has sent more in a second than what is said can need.
  func judgePeaks() {
    let bulk = bulk
    let ends = scenario.machineNames.count { scenario.program(of: $0).isEnd }
    for name in scenario.machineNames {
      let isServer = !scenario.program(of: name).isEnd
      let most = ScenarioLimits.packetsPerSecond * (isServer ? max(1, ends) : 1) + bulk
      let peak = world.machine(name).traffic.peak
      judgement.expect(peak <= most, .noStorm, "\(name) has sent \(peak) packets in a second")
    }
  }

  /// Nobody has sent more altogether.
  func judgePackets() {
    let (bulk, doings) = (bulk, doings)
    for name in scenario.peerNames {
      let sent = world.machine(name).traffic.packets
      let most = most(of: name, for: doings.own[name] ?? Doings(), and: doings.others) + bulk
      judgement.expect(sent <= most, .noStorm, "\(name) has sent \(sent) packets, and \(most) would be many")
    }
  }

  /// How many packets it may take to send files.
  private var bulk: Int {
    scenario.timeline.reduce(0) { sum, step in
      if case .connect(_, _, .bytes(let count)) = step.action { sum + count / 300 } else { sum }
    }
  }

  /// How often a peer connects or is called, and how long it talks.
  private struct Doings {
    var calls = 0
    var talking = Duration.zero
  }

  /// What each peer does, and how often something else happens, which concerns all.
  private var doings: (own: [String: Doings], others: Int) {
    var (own, others): ([String: Doings], Int) = ([:], 0)
    for step in scenario.timeline {
      guard case .connect(let one, let other, let talk) = step.action else {
        others += 1
        continue
      }
      for name in Set([one, other]) {
        own[name, default: Doings()].calls += 1
        if case .lasting(let length) = talk { own[name]!.talking += length }
      }
    }
    return (own, others)
  }

  /// How many packets a peer may need, whatever happens.
  private func most(of name: String, for doings: Doings, and others: Int) -> Int {
    let seconds = Int(begun.duration(to: world.now) / .seconds(1))
    var triesAll = false
    if case .peer(let wishes) = scenario.program(of: name) { triesAll = wishes.search == .exhaustive }
    return (doings.calls + others)
      * (triesAll ? ScenarioLimits.packetsPerSweep : ScenarioLimits.packetsPerSearch)
      + Int(doings.talking / .seconds(1)) * ScenarioLimits.packetsPerSecondOfTalk
      + seconds * ScenarioLimits.packetsPerIdleSecond
  }
}

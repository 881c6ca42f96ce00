import Warren
import WarrenSimulator

/// Counts what machines send, in all and in any one second.
struct PacketCount {
  private(set) var sent: [String: Int] = [:]
  /// The most that each has sent in one second.
  private(set) var peaks: [String: Int] = [:]
  private var seconds: [String: (second: Int64, count: Int)] = [:]

  /// What has reached each machine, whether something there took it or not.
  private(set) var arrived: [String: Int] = [:]

  /// - Parameter isFor: whether a packet that ended at a place was sent to it.
  mutating func take(_ event: Trace.Event, isFor: (Trace.Summary) -> Bool) {
    switch event.happening {
    case .sent: break
    case .delivered:
      arrived[event.place, default: 0] += 1
      return
    case .dropped(let packet, _):
      if isFor(packet) { arrived[event.place, default: 0] += 1 }
      return
    case .forwarded, .note: return
    }
    sent[event.place, default: 0] += 1
    let second = event.time.nanoseconds / 1_000_000_000
    var current = seconds[event.place] ?? (second, 0)
    if current.second != second { current = (second, 0) }
    current.count += 1
    seconds[event.place] = current
    if current.count > peaks[event.place, default: 0] { peaks[event.place] = current.count }
  }
}

extension Stage {
  /// Nobody has sent more than what is said can need.
  func judgePackets() {
    let bulk = scenario.timeline.reduce(0) { sum, step in
      if case .connect(_, _, .bytes(let count)) = step.action { sum + count / 300 } else { sum }
    }
    for name in scenario.machineNames {
      let isServer = !scenario.program(of: name).isEnd
      let ends = scenario.machineNames.filter { scenario.program(of: $0).isEnd }
      let most = ScenarioLimits.packetsPerSecond * (isServer ? max(1, ends.count) : 1) + bulk
      let peak = packets.peaks[name, default: 0]
      judgement.expect(peak <= most, .noStorm, "\(name) has sent \(peak) packets in a second")
    }
  }
}

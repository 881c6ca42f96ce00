import Warren
import WarrenSimulator

/// Counts what machines send, in all and in any one second.
struct PacketCount {
  /// Where to those have sent something who do not want to be seen.
  private(set) var destinations: [String: Set<IPAddress>] = [:]
  private(set) var sent: [String: Int] = [:]
  /// The most that each has sent in one second.
  private(set) var peaks: [String: Int] = [:]
  private var seconds: [String: (second: Int64, count: Int)] = [:]

  mutating func take(_ event: Trace.Event) {
    guard case .sent(let packet) = event.happening else { return }
    destinations[event.place]?.insert(packet.destination.ip)
    sent[event.place, default: 0] += 1
    let second = event.time.nanoseconds / 1_000_000_000
    var current = seconds[event.place] ?? (second, 0)
    if current.second != second { current = (second, 0) }
    current.count += 1
    seconds[event.place] = current
    if current.count > peaks[event.place, default: 0] { peaks[event.place] = current.count }
  }
}

extension PacketCount {
  /// A count that looks where these send to.
  init(watching names: [String]) {
    for name in names { destinations[name] = [] }
  }
}

extension Stage {
  /// Who does not want to be seen.
  static func hidden(in scenario: Scenario) -> [String] {
    scenario.peerNames.filter {
      if case .peer(let wishes) = scenario.program(of: $0) { wishes.paths == .relayed } else { false }
    }
  }

  /// Who does not want to be seen sends nothing but to servers.
  func judgeHidden() {
    let servers = scenario.machineNames.filter { !scenario.program(of: $0).isPeer }
      .flatMap { world.machine($0).ownAddresses }
    for (name, destinations) in packets.destinations.sorted(by: { $0.key < $1.key }) {
      let others = destinations.subtracting(servers).sorted()
      judgement.expect(
        others.isEmpty, .expectation, "\(name) does not want to be seen, and has sent something to \(others)")
    }
  }

  /// Nobody has sent more than what is said can need.
  func judgePackets() {
    let bulk = scenario.timeline.reduce(0) { sum, step in
      if case .connect(_, _, .bytes(let count)) = step.action { sum + count / 300 } else { sum }
    }
    for name in scenario.machineNames {
      let isServer = !scenario.program(of: name).isPeer
      let most = ScenarioLimits.packetsPerSecond * (isServer ? max(1, scenario.peerNames.count) : 1) + bulk
      let peak = packets.peaks[name, default: 0]
      judgement.expect(peak <= most, .noStorm, "\(name) has sent \(peak) packets in a second")
    }
    for name in scenario.peerNames {
      let (sent, most) = (packets.sent[name, default: 0], self.most(of: name) + bulk)
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
    return searches * ScenarioLimits.packetsPerSearch
      + Int(talking / .seconds(1)) * ScenarioLimits.packetsPerSecondOfTalk
      + seconds * ScenarioLimits.packetsPerIdleSecond
  }
}

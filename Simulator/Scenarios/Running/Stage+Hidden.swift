import Warren
import WarrenSimulator

// Those who want to be seen by nobody but servers.
extension Stage {
  /// Who they are.
  static func hidden(in scenario: Scenario) -> [String] {
    scenario.peerNames.filter {
      if case .peer(let wishes) = scenario.program(of: $0) { wishes.paths == .relayed } else { false }
    }
  }

  /// Looks where they send to, where there are any: whoever looks is told of every packet, which costs more than the packet.
  func watch(besides other: (@Sendable (Trace.Event) -> Void)?) -> (@Sendable (Trace.Event) -> Void)? {
    guard !destinations.isEmpty else { return other }
    return { event in
      if case .sent(let packet) = event.happening {
        self.destinations[event.place]?.insert(packet.destination.ip)
      }
      other?(event)
    }
  }

  /// They send nothing but to servers.
  func judgeHidden() {
    let servers = scenario.machineNames.filter { !scenario.program(of: $0).isPeer }
      .flatMap { world.machine($0).ownAddresses }
    for (name, destinations) in destinations.sorted(by: { $0.key < $1.key }) {
      let others = destinations.subtracting(servers).sorted()
      judgement.expect(
        others.isEmpty, .expectation, "\(name) does not want to be seen, and has sent something to \(others)")
    }
  }
}

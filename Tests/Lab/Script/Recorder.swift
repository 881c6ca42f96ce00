import WarrenMachine

/// Follows a script in one world: says where each packet goes, and what became of it.
struct Recorder {
  private let profile: Profile
  private var flows: [Player: [Flow]] = [:]
  private(set) var outcomes: [Outcome] = []
  private(set) var sightings: [Sighting] = []
  /// Whether a port that was drawn happened to be another's: what follows from that is no difference.
  private(set) var isSpoilt = false
  /// How many ports were left to chance, and how many of them were the inside port all the same.
  private(set) var drawn = 0
  private(set) var drawnAndKept = 0

  private struct Flow {
    var destination: SocketAddress
    var source: SocketAddress
  }

  init(_ profile: Profile) { self.profile = profile }

  /// Who sends in a step, and where to; nil where nobody does.
  func packet(of step: PacketScript.Step) -> (from: Player, to: SocketAddress)? {
    switch step {
    case .rest: nil
    case .send(let inside, let outside): (inside, outside.address(in: profile))
    case .call(let caller, .nobody): (caller, SocketAddress(Host.box, port: PacketScript.portOfNobody))
    case .call(let caller, .place(let inside, let outside)):
      (caller, place(of: inside, seenBy: outside.address(in: profile)))
    }
  }

  /// Whether each packet was sent within a quarter of a second after its time.
  func isPunctual(in script: PacketScript) -> Bool {
    var time = Duration.zero
    return zip(script.steps, sightings).allSatisfy { step, sighting in
      if case .rest(let milliseconds) = step {
        time += .milliseconds(milliseconds)
        return true
      }
      return sighting.sentAt - time < .milliseconds(250)
    }
  }

  private func place(of inside: Player, seenBy outside: SocketAddress) -> SocketAddress {
    flows[inside]?.first { $0.destination == outside }?.source
      ?? SocketAddress(Host.box, port: inside.address(in: profile).port)
  }

  /// Notes what became of a step.
  mutating func note(_ sighting: Sighting, of step: PacketScript.Step) {
    let packet = packet(of: step)
    sightings.append(sighting)
    outcomes.append(
      Outcome(
        arrivals: sighting.arrivals.map { arrival in
          Outcome.Arrival(
            at: arrival.at, from: packet.map { source(of: arrival.from, $0.from, $0.to) } ?? .foreign)
        },
        isRefused: sighting.isRefused))
  }

  private mutating func source(
    of seen: SocketAddress, _ sender: Player, _ destination: SocketAddress
  ) -> Outcome.Source {
    let own = sender.address(in: profile)
    if seen == own { return .itself }
    guard sender.host.isInside, seen.ip == Host.box else { return .foreign }
    let known = flows[sender, default: []]
    if let index = known.firstIndex(where: { $0.destination == destination }) {
      if known[index].source == seen { return .again }
      flows[sender]?.remove(at: index)
    }
    defer { flows[sender, default: []].append(Flow(destination: destination, source: seen)) }
    if profile.drawsPorts {
      note(drawn: seen, by: sender)
      drawn += 1
      if seen.port == own.port { drawnAndKept += 1 }
      return .drawn
    }
    if seen.port == own.port { return .kept }
    if let index = known.lastIndex(where: { $0.source == seen }) { return .shared(flow: index) }
    note(drawn: seen, by: sender)
    return .new
  }

  private mutating func note(drawn place: SocketAddress, by sender: Player) {
    let isOthers = flows.values.contains { $0.contains { $0.source == place } }
    let isKept = Player.inside.contains { $0.address(in: profile).port == place.port }
    if isOthers || isKept { isSpoilt = true }
  }
}

import Warren
import WarrenSimulator

extension Scenario {
  /// How an internet is that is drawn from the personas.
  public struct Internet: Sendable {
    /// How many peers there are.
    public var peers = 1000
    /// With how many others each of them connects.
    public var contacts = 10
    /// How many relays there are besides the registry.
    public var relays = 8
    /// For how long everyone connects, while programs end and are started again.
    public var duration: Duration = .seconds(30)
    /// How many of the programs end in a second.
    public var churn = 0.01
    /// How many of those speak IPv6 who may.
    public var speakingIPv6 = 0.4

    /// The usual.
    public init() {}
  }

  /// An internet with many peers in many places, in the shares in which they are found.
  public init(internet: Internet, seed: UInt64) {
    var chance = SimulatorRandom(seed: seed, stream: "internet")
    let draw = InternetDraw(internet, &chance)
    self.init("internet", why: "Many meet many, from wherever they are, while some come and go.") {
      draw.network
    }
    programs = draw.programs
    timeline = draw.timeline(&chance)
  }
}

/// What was drawn for an internet.
private struct InternetDraw {
  private let internet: Scenario.Internet
  private(set) var network: [Node] = []
  private(set) var programs: [String: Program] = [:]
  private let names: [String]

  init(_ internet: Scenario.Internet, _ chance: inout SimulatorRandom) {
    self.internet = internet
    names = (1...internet.peers).map { "peer \($0)" }
    let relays = (0..<internet.relays).map { "relay \($0 + 1)" }
    var behindCarriers: [String: [Node]] = [:]
    for name in names {
      let persona = Persona.all[Self.draw(Persona.all.map(\.weight), &chance)]
      let node = Self.node(name, persona, internet, &chance)
      var wishes = Program.PeerWishes()
      wishes.mapsPorts = persona.mapsPorts
      // Two each, as somebody has who knows those nearby.
      let first = chance.below(max(1, relays.count))
      wishes.relays = relays.isEmpty ? [] : [relays[first], relays[(first + 1) % relays.count]]
      programs[name] = .peer(wishes)
      if persona.hasCarrier {
        behindCarriers[persona.name, default: []].append(node)
      } else {
        network.append(node)
      }
    }
    network += Self.carriers(behindCarriers)
    for name in relays {
      network.append(Server(name).linked(.access))
      programs[name] = .relay
    }
    // Some are let to port 443 alone.
    programs["registry"] = .registry(port: 443)
  }

  private static func node(
    _ name: String, _ persona: Persona, _ internet: Scenario.Internet, _ chance: inout SimulatorRandom
  ) -> Node {
    let isDual = persona.maySpeakIPv6 && chance.chance(internet.speakingIPv6)
    let lifetime = Persona.lifetimes[draw(Persona.lifetimes.map(\.weight), &chance)].seconds
    var node = isDual ? Server(name) : Machine(name)
    for box in persona.hasCarrier ? persona.boxes.dropLast() : persona.boxes[...] {
      node = node.behind(box.changed { $0.lifetimes.udp = .seconds(lifetime) })
    }
    return node.linked(up: persona.link.up, down: persona.link.down)
  }

  /// Customers of one kind share a carrier with a hundred others.
  private static func carriers(_ customers: [String: [Node]]) -> [Node] {
    Persona.all.filter(\.hasCarrier).flatMap { persona in
      let all = customers[persona.name] ?? []
      return stride(from: 0, to: all.count, by: ScenarioLimits.customers).map { start in
        NAT("carrier \(start / ScenarioLimits.customers + 1) of a \(persona.name)", persona.boxes.last!) {
          Array(all[start..<min(all.count, start + ScenarioLimits.customers)])
        }
      }
    }
  }

  /// Everyone connects with others, whom they draw; and some programs end and are started again.
  func timeline(_ chance: inout SimulatorRandom) -> [Step] {
    var steps: [Step] = []
    let length = Int(internet.duration / .milliseconds(1))
    for (place, name) in names.enumerated() {
      var others: Set<Int> = []
      while others.count < min(internet.contacts, names.count - 1) {
        let other = chance.below(names.count)
        guard other != place, others.insert(other).inserted else { continue }
        let time = Duration.milliseconds(chance.below(length))
        steps.append(.connect(name, to: names[other], at: time, talking: .bytes(1000)))
      }
    }
    let ending = Int(Double(names.count) * internet.churn * (internet.duration / .seconds(1)))
    for _ in 0..<ending {
      steps.append(
        Step(at: .milliseconds(chance.below(length)), .restart(names[chance.below(names.count)])))
    }
    return steps.sorted { ($0.time, $0.description) < ($1.time, $1.description) }
  }

  private static func draw(_ weights: [Int], _ chance: inout SimulatorRandom) -> Int {
    var rest = chance.below(weights.reduce(0, +))
    return weights.firstIndex { weight in
      rest -= weight
      return rest < 0
    }!
  }
}

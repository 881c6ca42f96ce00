import Warren
import WarrenSimulator

/// What is drawn of a run: from its first call until both have heard of each other, and a little more.
struct PacketSequence {
  var lanes: [Lane]
  var arrows: [Arrow] = []
  var notes: [Note] = []
  /// When it begins.
  var start = Instant(nanoseconds: 0)
  /// How many arrows, and packets, did not fit.
  var leftOut = (arrows: 0, packets: 0)
  /// Packets that never left their machine.
  var atHome = 0
  /// Where packets to an address go from a place, as others have shown.
  private var ways: [Hop: String] = [:]

  /// A line across.
  struct Note: Hashable {
    var time: Instant
    var text: String
    var isAnswer = false
  }

  private struct Hop: Hashable {
    var place: String?
    var ip: IPAddress
  }

  init(_ run: RunInDetail, of scenario: Scenario) {
    lanes = Lane.all(of: scenario)
    guard let outcome = run.outcome else { return }
    let talk = run.firstTalk
    start = talk?.asked ?? outcome.begun
    let answered = talk.flatMap { talk in talk.answered.map { talk.asked.advanced(by: $0) } }
    let end =
      answered?.advanced(by: ScenarioLimits.drawnAfterwards)
      ?? start.advanced(by: ScenarioLimits.drawnUnanswered)
    let events = run.recording.events.prefix { $0.time <= end }
    let places = Set(lanes.map(\.name))
    let journeys = Journey.all(in: events, after: run.recording.lastEarlier, places: places)
    atHome = journeys.count(where: \.isAtHome)
    learnWays(journeys)
    let all = Arrow.folding(journeys)
    arrows = Array(all.prefix(ScenarioLimits.arrows))
    let rest = all.dropFirst(arrows.count)
    leftOut = (rest.count, rest.reduce(0) { $0 + $1.count })
    notes = Self.notes(in: events, of: scenario)
    if let talk, let answered {
      let text = "\(talk.caller) has heard of \(talk.called), after \(start.duration(to: answered).reading)"
      notes.append(Note(time: answered, text: text, isAnswer: true))
    }
    if let last = arrows.last, !rest.isEmpty { notes.removeAll { $0.time > last.last.stops.last!.time } }
    keepLanes(in: scenario, talk)
  }

  /// What happens by plan, and what NATs and machines say of themselves; not what peers do.
  private static func notes(in events: some Sequence<Trace.Event>, of scenario: Scenario) -> [Note] {
    let places = Set(scenario.machineNames + scenario.boxNames)
    return events.compactMap { event in
      guard case .note(let text) = event.happening, text != Stage.begunNote else { return nil }
      if places.contains(event.place) { return Note(time: event.time, text: "\(event.place) \(text)") }
      let isOfPeer = scenario.machineNames.contains { text.hasPrefix("\($0): ") }
      return isOfPeer ? nil : Note(time: event.time, text: text)
    }
  }

  private mutating func learnWays(_ journeys: [Journey]) {
    for journey in journeys {
      for (stop, next) in zip(journey.stops, journey.stops.dropFirst()) {
        let ip = stop.packet.destination.ip
        ways[Hop(place: stop.place, ip: ip)] = next.place
        ways[Hop(place: nil, ip: ip)] = next.place
      }
    }
  }

  /// Those that nothing comes by are left out.
  private mutating func keepLanes(in scenario: Scenario, _ talk: Scenario.Talk?) {
    var used = Set(arrows.flatMap(\.first.places))
    for case let name? in [talk?.caller, talk?.called] { used.insert(name) }
    lanes.removeAll { !used.contains($0.name) }
  }

  /// In which direction a packet goes that has not arrived: 1 for right, -1 for left.
  func direction(of journey: Journey, among places: [String: Int]) -> Double {
    let stop = journey.stops.last!
    let ip = stop.packet.destination.ip
    let here = places[stop.place] ?? 0
    if let next = ways[Hop(place: stop.place, ip: ip)] ?? ways[Hop(place: nil, ip: ip)],
      let there = places[next],
      there != here
    {
      return there > here ? 1 : -1
    }
    return 2 * here < lanes.count ? 1 : -1
  }
}

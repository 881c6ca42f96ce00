import Warren
import WarrenSimulator

/// What of a run is kept so that it can be drawn: the packets from its first call on, and how much arrives where and when.
///
/// Used on the world's thread while it is run, and afterwards by whoever runs it: hence `@unchecked`.
final class Recording: @unchecked Sendable {
  /// Events from the first call on, the first ones.
  private(set) var events: [Trace.Event] = []
  /// The number of the last packet that was on its way before.
  private(set) var lastEarlier: UInt64 = 0
  /// How many packets have arrived at each machine in each beat since everything ran.
  private(set) var arrivals: [String: [Int]] = [:]
  private let listeners: Set<String>
  private let firstCall: Duration
  private var begun: Instant?

  init(_ scenario: Scenario) {
    listeners = Set(scenario.peerNames)
    firstCall = scenario.timeline.filter(\.isConnecting).map(\.time).min() ?? .zero
  }

  func take(_ event: Trace.Event) {
    guard let begun else {
      if case .note(Stage.begunNote) = event.happening { begun = event.time }
      return count(earlier: event)
    }
    if case .delivered = event.happening, listeners.contains(event.place) {
      let beat = Int(begun.duration(to: event.time) / ScenarioLimits.beat)
      if beat < ScenarioLimits.beats { note(beat, at: event.place) }
    }
    guard event.time >= begun.advanced(by: firstCall) else { return count(earlier: event) }
    if events.count < ScenarioLimits.recordedEvents { events.append(event) }
  }

  private func note(_ beat: Int, at name: String) {
    var beats = arrivals.removeValue(forKey: name) ?? []
    while beats.count <= beat { beats.append(0) }
    beats[beat] += 1
    arrivals[name] = beats
  }

  private func count(earlier event: Trace.Event) {
    if case .sent(let packet) = event.happening { lastEarlier = max(lastEarlier, packet.number) }
  }
}

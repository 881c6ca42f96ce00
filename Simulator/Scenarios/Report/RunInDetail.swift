import Warren
import WarrenSimulator

/// One run of a scenario, with what is needed to draw it.
public struct RunInDetail: Sendable {
  /// Of which seed.
  public var seed: UInt64
  /// How it went; nil where the simulation could not go on.
  public var outcome: Scenario.Outcome?
  /// Why it could not.
  public var failure: String?
  var recording: Recording
}

extension RunInDetail {
  /// Runs a scenario once, and keeps what is drawn.
  public init(of scenario: Scenario, seed: UInt64, _ options: Scenario.Options = Scenario.Options()) async {
    let recording = Recording(scenario)
    var options = options
    options.watch = { recording.take($0) }
    (self.seed, self.recording) = (seed, recording)
    do {
      outcome = try await scenario.run(seed: seed, options)
    } catch {
      failure = "\(error)"
    }
  }

  /// All that has happened by a plan, of the scenario and of chaos, in the order of time.
  func steps(of scenario: Scenario) -> [Step] {
    let steps = scenario.timeline + (outcome?.chaos ?? [])
    return steps.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
      .map(\.element)
  }

  /// The first call.
  var firstTalk: Scenario.Talk? { outcome?.conversations.min { $0.asked < $1.asked } }
}

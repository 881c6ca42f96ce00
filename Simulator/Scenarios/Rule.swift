/// What every run is held to, without being asked.
public enum Rule: String, Hashable, Sendable, CaseIterable {
  /// No byte is lost, doubled or changed.
  case everyByte = "every byte"
  /// Nobody is connected with somebody else than they believe.
  case rightPeer = "the right peer"
  /// The two ends agree on whether they are connected.
  case agreement = "agreement"
  /// When everything that can go wrong has gone wrong and is over, what the ``Oracle`` promises comes true.
  case promise = "the oracle's promise"
  /// Nobody sends more packets than what is said can need.
  case noStorm = "no storm"
  /// Nothing that is possible has stopped being tried: who can is registered, and connections are kept alive, and improved.
  case noSilence = "no silence"
  /// When all is closed nothing is left: tasks, waits, sockets, mappings.
  case nothingLeft = "nothing left"
  /// The same seed gives the same run.
  case sameRun = "the same run"
  /// What the scenario itself expects.
  case expectation = "its expectations"
}

/// How often each rule was put to the test in a run, and what broke one.
public struct Judgement: Sendable {
  /// Something that broke a rule.
  public struct Fault: Hashable, Sendable, CustomStringConvertible {
    public var rule: Rule
    public var text: String
    public var description: String { "\(rule.rawValue): \(text)" }
  }

  /// What broke a rule, in the order in which it was noticed.
  public private(set) var faults: [Fault] = []
  /// How often each rule was put to the test.
  public private(set) var trials: [Rule: Int] = [:]

  /// Nothing was tried yet.
  public init() {}

  /// Puts a rule to the test.
  public mutating func expect(_ isRight: Bool, _ rule: Rule, _ text: @autoclosure () -> String) {
    trials[rule, default: 0] += 1
    guard !isRight, faults.count < ScenarioLimits.faults else { return }
    faults.append(Fault(rule: rule, text: text()))
  }
}

import Warren
import WarrenSimulator

/// Something that happens at a moment of a scenario.
public struct Step: Hashable, Sendable {
  /// When, since all programs run.
  public var time: Duration
  /// What.
  public var action: Action

  /// What can happen.
  public enum Action: Hashable, Sendable {
    /// One peer connects with another, and both say something.
    case connect(String, to: String, Talk)
    /// One ends its connection with another.
    case close(String, to: String)
    /// One wants a connection to go by ways of this kind, or by whatever is best.
    case prefer(String, to: String, Path.Kind?)
    /// Nothing passes between the two sides of the internet, or one way only; for some time, or for ever.
    case cut(String, String, isOneWay: Bool, length: Duration?)
    /// A machine's links are others.
    case link(String, LinkPair, length: Duration?)
    /// A machine's links are down.
    case down(String, length: Duration?)
    /// A box loses power, and starts again with nothing remembered, perhaps with another address.
    case reboot(String, isElsewhere: Bool)
    /// A machine has another address.
    case lease(String)
    /// A machine leaves its network, is nowhere for a while, and then behind another box.
    case roam(String, behind: String, gap: Duration)
    /// A machine's program is gone without a word; after a time it is started again, knowing its key alone.
    case crash(String, length: Duration?)
    /// A machine's program ends, as it should, and is started again.
    case restart(String)
    /// A machine stands still, as a laptop does that is closed.
    case sleep(String, length: Duration)
    /// A machine's time of day is set to another: it goes ahead by so much, or back.
    case clock(String, by: Duration)
    /// A machine asks an echo.
    case ask(String, echo: String, over: TransportProtocol)
    /// A node says something to all of its mesh.
    case broadcast(String)
    /// Those behind a box are let through whom a portal has answered.
    case open(String)
  }

  /// How much is said over a connection, by each side.
  public enum Talk: Hashable, Sendable {
    /// A word now and then, all the time, for so long.
    case lasting(Duration)
    /// So many bytes, as fast as they go.
    case bytes(Int)
  }

  /// At a moment.
  public init(at time: Duration = .zero, _ action: Action) {
    self.time = time
    self.action = action
  }

  /// One peer connects with another.
  public static func connect(
    _ one: String, to other: String, at time: Duration = .zero, talking: Talk = .lasting(.seconds(5))
  ) -> Step {
    Step(at: time, .connect(one, to: other, talking))
  }

  /// When it is over.
  var end: Duration {
    switch action {
    case .connect(_, _, .lasting(let length)): time + length
    case .cut(_, _, _, let length), .link(_, _, let length), .down(_, let length), .crash(_, let length):
      time + (length ?? .zero)
    case .sleep(_, let length): time + length
    case .roam(_, _, let gap): time + gap
    case .ask: time + ScenarioLimits.echo
    case .connect, .close, .prefer, .reboot, .lease, .restart, .clock, .broadcast, .open: time
    }
  }

  /// Whether what it breaks stays broken.
  var isForGood: Bool {
    switch action {
    case .cut(_, _, _, let length), .down(_, let length), .crash(_, let length): length == nil
    default: false
    }
  }

  /// Whether two peers connect.
  var isConnecting: Bool { if case .connect = action { true } else { false } }

  /// Whether nobody may notice it but those who are asked for something: what it is o'clock is nobody's business either.
  var isHarmless: Bool {
    switch action {
    case .connect, .ask, .broadcast, .clock: true
    default: false
    }
  }

  /// Whose programs end by it.
  var ended: String? {
    switch action {
    case .crash(let name, _), .restart(let name): name
    default: nil
    }
  }
}

extension Step: CustomStringConvertible {
  public var description: String { "\(time.milliseconds) ms: \(action)" }
}

extension Step.Action: CustomStringConvertible {
  public var description: String {
    switch self {
    case .connect(let one, let other, .lasting(let time)):
      "\(one) connects with \(other), and they talk for \(time)"
    case .connect(let one, let other, .bytes(let count)):
      "\(one) connects with \(other), and each sends \(count) bytes"
    case .close(let one, let other): "\(one) ends its connection with \(other)"
    case .prefer(let one, let other, let kind):
      "\(one) wants \(kind?.rawValue ?? "the best") for its connection with \(other)"
    case .cut(let one, let other, let isOneWay, let length):
      "nothing passes from \(one) to \(other)\(isOneWay ? "" : ", nor back")\(Self.text(length))"
    case .link(let name, _, let length): "the link of \(name) changes\(Self.text(length))"
    case .down(let name, let length): "the link of \(name) is down\(Self.text(length))"
    case .reboot(let name, let isElsewhere):
      "\(name) reboots\(isElsewhere ? ", and has another address" : "")"
    case .lease(let name): "\(name) has another address"
    case .roam(let name, let box, let gap): "\(name) goes behind \(box), after \(gap) without a network"
    case .crash(let name, let length): "\(name) is gone without a word\(Self.text(length))"
    case .restart(let name): "\(name) ends, and starts again"
    case .sleep(let name, let length): "\(name) sleeps\(Self.text(length))"
    case .clock(let name, let time):
      "the time of day at \(name) goes \(time < .zero ? "back by \(.zero - time)" : "ahead by \(time)")"
    case .ask(let name, let echo, let transport): "\(name) asks \(echo) over \(transport)"
    case .broadcast(let name): "\(name) says something to all of its mesh"
    case .open(let name): "\(name) lets everybody through"
    }
  }

  private static func text(_ length: Duration?) -> String { length.map { ", for \($0)" } ?? ", for good" }
}

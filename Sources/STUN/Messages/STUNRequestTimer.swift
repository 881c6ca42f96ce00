import WarrenMachine

/// When to send a request again over UDP, and when to give up (RFC 8489, 6.2.1).
public struct STUNRequestTimer: Hashable, Sendable {
  /// How patient a request is.
  public struct Patience: Hashable, Sendable {
    /// The wait after the first sending; each next is twice as long.
    public var first: Duration
    /// The longest wait between two sendings.
    public var longest: Duration
    /// How many times it is sent.
    public var transmissions: Int
    /// The wait after the last sending, in first waits.
    public var last: Int

    /// A patience.
    public init(first: Duration, longest: Duration = .seconds(3600), transmissions: Int, last: Int) {
      self.first = first
      self.longest = longest
      self.transmissions = transmissions
      self.last = last
    }

    /// That of the RFC: seven times in half a minute, the answer by 39.5 s.
    public static let standard = Patience(first: .milliseconds(500), transmissions: 7, last: 16)
  }

  /// What the time has brought.
  public enum Event: Hashable, Sendable {
    /// Send it again.
    case sendAgain
    /// Nobody has answered.
    case timedOut
  }

  private let patience: Patience
  private var sent = 1
  private var wait: Duration
  /// When to call ``handleDeadline(at:)``.
  public private(set) var deadline: Instant

  /// The timer of a request that was sent just now.
  public init(_ patience: Patience = .standard, sentAt now: Instant) {
    self.patience = patience
    wait = patience.first
    deadline = now.advanced(by: patience.transmissions > 1 ? wait : patience.first * patience.last)
  }

  /// Takes the time, and says what is to be done.
  public mutating func handleDeadline(at now: Instant) -> Event? {
    guard now >= deadline else { return nil }
    guard sent < patience.transmissions else { return .timedOut }
    sent += 1
    wait = min(wait * 2, patience.longest)
    deadline = now.advanced(by: sent < patience.transmissions ? wait : patience.first * patience.last)
    return .sendAgain
  }
}

import WarrenMachine
import WarrenSTUN

/// A question to a STUN server: how do you see this socket?
struct ReflexiveQuery: Sendable {
  /// How far it has come.
  enum State {
    /// It has been asked.
    case asked(STUNRequestTimer)
    /// It was answered; it is asked again to keep the mapping.
    case answered(SocketAddress, nextAt: Instant)
    /// The server says nothing.
    case silent
  }

  let base: Int
  let server: SocketAddress
  private(set) var id: TransactionID
  private(set) var state: State

  init(base: Int, server: SocketAddress, id: TransactionID, at now: Instant) {
    self.base = base
    self.server = server
    self.id = id
    state = .asked(STUNRequestTimer(PunchLimits.stunPatience, sentAt: now))
  }

  var isPending: Bool { if case .asked = state { true } else { false } }

  var deadline: Instant? {
    switch state {
    case .asked(let timer): timer.deadline
    case .answered(_, let nextAt): nextAt
    case .silent: nil
    }
  }

  /// The server has answered.
  mutating func answered(_ mapped: SocketAddress, at now: Instant) {
    state = .answered(mapped, nextAt: now.advanced(by: PunchLimits.keepAlive))
  }

  /// Whether to send the question, now that it is `now`.
  mutating func handleDeadline(at now: Instant, nextID: @autoclosure () -> TransactionID) -> Bool {
    switch state {
    case .asked(var timer):
      let event = timer.handleDeadline(at: now)
      state = event == .timedOut ? .silent : .asked(timer)
      return event == .sendAgain
    case .answered(_, let nextAt) where nextAt <= now:
      id = nextID()
      state = .asked(STUNRequestTimer(PunchLimits.stunPatience, sentAt: now))
      return true
    case .answered, .silent:
      return false
    }
  }

  /// It is asked again now, and not when it is time to.
  mutating func hurry(at now: Instant) {
    if case .answered(let mapped, _) = state { state = .answered(mapped, nextAt: now) }
  }

  /// It is asked again after a while.
  mutating func rest(at now: Instant) {
    state = .answered(server, nextAt: now.advanced(by: PunchLimits.keepAlive))
  }

  func write(into message: inout STUNMessageWriter) {
    message.begin(.request, .binding, id)
  }
}

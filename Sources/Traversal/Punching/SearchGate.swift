import WarrenMachine

/// Lets one search for ports through at a time: several at once would wear out the NAT that they share, and look like
/// an attack from outside. Give one to all punchers of a program.
public final class SearchGate: Sendable {
  private struct State {
    var isTaken = false
    var waiting: [@Sendable () -> Void] = []
  }

  private let state = Guarded(State())

  /// A gate that nobody is in.
  public init() {}

  /// Calls `enter` as soon as nobody else is in, perhaps at once, and on whatever thread.
  func wait(_ enter: @escaping @Sendable () -> Void) {
    let isFree = state.withLock { state in
      if state.isTaken {
        state.waiting.append(enter)
        return false
      }
      state.isTaken = true
      return true
    }
    if isFree { enter() }
  }

  /// Lets the next one in.
  func leave() {
    let next = state.withLock { state -> (@Sendable () -> Void)? in
      if state.waiting.isEmpty {
        state.isTaken = false
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?()
  }
}

import WarrenMachine

/// Lets so many in at a time, in the order in which they came.
final class Room: Sendable {
  private struct State {
    var free: Int
    var waiting: [(places: Int, continuation: CheckedContinuation<Void, Never>)] = []

    /// Those for whom there is room now.
    mutating func admit() -> [CheckedContinuation<Void, Never>] {
      var admitted: [CheckedContinuation<Void, Never>] = []
      while let next = waiting.first, next.places <= free {
        free -= next.places
        admitted.append(waiting.removeFirst().continuation)
      }
      return admitted
    }
  }

  private let state: Guarded<State>

  init(places: Int) { state = Guarded(State(free: places)) }

  func enter(_ places: Int) async {
    await withCheckedContinuation { continuation in
      let admitted = state.withLock { state in
        state.waiting.append((places, continuation))
        return state.admit()
      }
      for next in admitted { next.resume() }
    }
  }

  func leave(_ places: Int) {
    let admitted = state.withLock { state in
      state.free += places
      return state.admit()
    }
    for next in admitted { next.resume() }
  }
}

import WarrenMachine

/// The bars of all transfers, one below the other, at the bottom of the screen.
///
/// Where there is no screen, or somebody types there, each says a line now and then. Somebody calls ``redraw(at:)`` ten times a
/// second, so that also a transfer is shown as it is of which nothing is heard. Like all that writes, never on a loop's thread.
package final class ProgressBoard: Sendable {
  private struct Row {
    let number: Int
    var core: ProgressCore
    var reported: Instant
  }

  private struct State {
    var rows: [Row] = []
    var numbers = 0
    var drawn: Instant?
    /// Whether somebody is asked something where the bars were.
    var isHeld = false
  }

  private let terminal: Terminal
  private let state = Guarded(State())

  package init(on terminal: Terminal) { self.terminal = terminal }

  /// One more transfer.
  ///
  /// - Parameters:
  ///   - total: how many bytes there will be; nil where nobody knows.
  ///   - done: how many are there, of a transfer that goes on.
  package func add(_ name: String, total: UInt64?, done: UInt64 = 0, at now: Instant) -> ProgressBar {
    let number = state.withLock { state in
      state.numbers += 1
      let core = ProgressCore(name: name, total: total, done: done, at: now)
      state.rows.append(Row(number: state.numbers, core: core, reported: now))
      return state.numbers
    }
    redraw(at: now)
    return ProgressBar(board: self, number: number)
  }

  /// Shows what has changed, where it is time to.
  package func redraw(at now: Instant) { draw(at: now, isUrgent: false) }

  /// Takes the bars away while somebody is asked something, or shows them again.
  package func hold(_ isHeld: Bool, at now: Instant) {
    state.withLock { state in
      state.isHeld = isHeld
      if isHeld { terminal.showBelow([]) }
    }
    draw(at: now, isUrgent: true)
  }

  fileprivate func change(_ number: Int, at now: Instant, _ change: (inout ProgressCore) -> Void) {
    state.withLock { state in
      guard let place = state.rows.firstIndex(where: { $0.number == number }) else { return }
      change(&state.rows[place].core)
    }
    redraw(at: now)
  }

  fileprivate func end(_ number: Int, _ ending: ProgressEnding, at now: Instant) {
    let core = state.withLock { state in
      state.rows.firstIndex { $0.number == number }.map { state.rows.remove(at: $0).core }
    }
    guard let core else { return }
    draw(at: now, isUrgent: true)
    terminal.talk(core.ending(ending, at: now))
  }

  private func draw(at now: Instant, isUrgent: Bool) {
    guard terminal.canShowBelow else { return report(at: now) }
    let width = terminal.width - 1
    state.withLock { state in
      guard !state.isHeld else { return }
      guard isUrgent || state.drawn.map({ $0.duration(to: now) >= TerminalLimits.redrawing }) ?? true else {
        return
      }
      state.drawn = now
      // Within the lock, so that an older picture never replaces a newer one.
      terminal.showBelow(state.rows.map { $0.core.bar(width: width, at: now) })
    }
  }

  private func report(at now: Instant) {
    let lines = state.withLock { state in
      state.rows.indices.compactMap { place -> String? in
        let row = state.rows[place]
        guard row.reported.duration(to: now) >= TerminalLimits.reporting else { return nil }
        state.rows[place].reported = now
        return row.core.report(at: now)
      }
    }
    for line in lines { terminal.talk(StyledText(line)) }
  }
}

/// One transfer of a ``ProgressBoard``.
package struct ProgressBar: Sendable {
  fileprivate let board: ProgressBoard
  fileprivate let number: Int

  /// So many bytes are there now, over this way.
  package func update(done: UInt64, path: String? = nil, at now: Instant) {
    board.change(number, at: now) { core in
      core.update(done: done, at: now)
      if let path { core.path = path.undisturbing }
    }
  }

  /// Says the last line, and goes. What is said later counts for nothing.
  package func end(_ ending: ProgressEnding, at now: Instant) { board.end(number, ending, at: now) }
}

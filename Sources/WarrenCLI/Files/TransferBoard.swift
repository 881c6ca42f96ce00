import Warren
import WarrenOptions
import WarrenTerminal

/// Shows transfers to their ends: a bar each while bytes move, and a line at the end.
struct TransferBoard: Sendable {
  private let terminal: Terminal
  private let machine: any Machine
  private let bars: ProgressBoard

  init(on terminal: Terminal, _ machine: any Machine) {
    (self.terminal, self.machine) = (terminal, machine)
    bars = ProgressBoard(on: terminal)
  }

  /// Draws the bars as time goes by, until its task is cancelled.
  func keepCurrent() async {
    while (try? await machine.sleep(for: TerminalLimits.redrawing)) != nil { bars.redraw(at: machine.now) }
  }

  /// Takes the bars away while somebody is asked something, or shows them again.
  func hold(_ isHeld: Bool) { bars.hold(isHeld, at: machine.now) }

  /// Shows one, and says how it has ended.
  ///
  /// - Parameter path: which way it goes at present.
  /// - Returns: where the file is.
  func follow(_ transfer: FileTransfer, over path: @Sendable () async -> Path?) async throws -> String {
    var bar: ProgressBar?
    var state = FileTransfer.State.waiting
    for await progress in transfer.progress {
      if case .interrupted = progress.state, state != .interrupted {
        terminal.talk("\(transfer.name, .strong) is interrupted, and goes on as soon as it can")
        bar?.update(done: progress.bytes, path: "interrupted", at: machine.now)
      }
      state = progress.state
      guard case .moving = state else { continue }
      // What is there already, of one that goes on, has cost no time.
      let current =
        bar ?? bars.add(transfer.name, total: progress.totalBytes, done: progress.bytes, at: machine.now)
      bar = current
      let way = await path()?.kind.rawValue
      current.update(done: progress.bytes, path: way, at: machine.now)
    }
    let result = await Result.of { try await transfer.finished() }
    let total = transfer.totalBytes
    let ended = bar ?? bars.add(transfer.name, total: total, at: machine.now)
    switch result {
    case .success:
      ended.update(done: total, at: machine.now)
      ended.end(.complete, at: machine.now)
    case .failure(is CancellationError):
      ended.end(.failed("interrupted; the same command goes on with it"), at: machine.now)
    case .failure(let error): ended.end(.failed("\(error)"), at: machine.now)
    }
    return try result.get()
  }
}

extension Result where Success: Sendable, Failure == any Error {
  /// What becomes of a call.
  static func of(_ body: () async throws -> Success) async -> Self {
    do { return .success(try await body()) } catch { return .failure(error) }
  }
}

import WarrenMachine

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Between those who ask for lines and the thread that reads them.
final class EditorDesk: Sendable {
  let terminal: Terminal
  let history: HistoryFile?
  let completer: Completer?
  /// Something is to be shown, or has happened to the terminal.
  let wake = SignalPipe()
  /// A line is asked for.
  let mayGoOn = SignalPipe()
  /// There are to be no more.
  let end = SignalPipe()
  /// There are to be no more than are there, in a pipe.
  let rest = SignalPipe()

  private let typed: AsyncStream<String>.Continuation
  private let shownPrompt: Guarded<String>
  /// Its writing end is closed when the thread has ended.
  private let hasEnded = SignalPipe()

  init(
    terminal: Terminal, prompt: String, history: HistoryFile?, completer: Completer?,
    typed: AsyncStream<String>.Continuation
  ) {
    (self.terminal, self.history, self.completer, self.typed) = (terminal, history, completer, typed)
    shownPrompt = Guarded(prompt.undisturbing)
  }

  deinit {
    for pipe in [wake, mayGoOn, end, rest, hasEnded] { close(pipe.output) }
    for pipe in [wake, mayGoOn, end, rest] { close(pipe.input) }
  }

  var prompt: String {
    get { shownPrompt.withLock { $0 } }
    set {
      shownPrompt.withLock { $0 = newValue.undisturbing }
      wake.say()
    }
  }

  func start() {
    TerminalModes.hearRequests(end: end)
    let place = terminal.editingPlace
    if let place {
      terminal.attach(wake)
      TerminalModes.hold(place.input, wake: wake)
    }
    // Used on that thread alone.
    nonisolated(unsafe) let work = EditorThread(desk: self, place: place)
    startThread { work.run() }
  }

  func hand(out line: String) { typed.yield(line) }

  /// What the thread says last.
  func finish() {
    TerminalModes.stopHearing()
    typed.finish()
    close(hasEnded.input)
  }

  /// Waits until it has said so.
  func waitForEnd() { _ = waitFor([hasEnded.output]) }
}

/// Waits until something can be read from one of the descriptors, or its other end is closed.
///
/// - Returns: for each whether it is so.
func waitFor(_ descriptors: [CInt]) -> [Bool] {
  var watched = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
  while poll(&watched, nfds_t(watched.count), -1) < 0, errno == EINTR {}
  return watched.map { $0.revents != 0 }
}

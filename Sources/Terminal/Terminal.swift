import WarrenMachine

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What this program says to whoever started it: results on standard output, talk on standard error, in whole lines.
///
/// Everything goes through one of these, so that nothing is written into a line that somebody is typing, or into a bar. A call
/// waits for a terminal that stands still: never make it on a loop's thread. While a ``LineEditor`` is there, only results wait, and
/// only behind many others. There is one for each program.
package final class Terminal: Sendable {
  /// Where a line goes.
  package enum Stream: Hashable, Sendable {
    case results
    case talk
  }

  /// A line that waits for its turn.
  struct Waiting {
    var stream: Stream
    var text: String
  }

  private struct State {
    /// Wakes whoever edits a line here, and shows what waits.
    var editor: SignalPipe?
    var waiting: Queue<Waiting> = Queue()
    var lost = 0
    var below = LinesBelow()
  }

  private let input: CInt
  private let descriptors: [Stream: CInt]
  private let terminals: Set<Stream>
  private let state = Guarded(State())
  /// Tells those who wait for room among the lines that wait.
  private let room = SignalPipe()
  /// Whether standard input is a terminal.
  package let isInputTerminal: Bool
  /// Whether somebody sees colours, where it is a terminal.
  private let hasColours: Bool
  /// Whether it is one on which the cursor can be moved.
  let canMoveCursor: Bool

  /// The terminal that this program was started from, or what stands in its place.
  package convenience init() {
    self.init(input: STDIN_FILENO, output: STDOUT_FILENO, errors: STDERR_FILENO)
  }

  init(
    input: CInt, output: CInt, errors: CInt, environment: (String) -> String? = environmentVariable
  ) {
    self.input = input
    descriptors = [.results: output, .talk: errors]
    terminals = Set(descriptors.filter { isatty($0.value) == 1 }.keys)
    isInputTerminal = isatty(input) == 1
    let kind = environment("TERM") ?? ""
    canMoveCursor = kind != "" && kind != "dumb"
    // https://no-color.org: "when present and not an empty string (regardless of its value)".
    hasColours = canMoveCursor && (environment("NO_COLOR") ?? "").isEmpty
  }

  deinit { room.closeEnds() }

  /// Whether lines for this stream reach a terminal.
  package func isTerminal(_ stream: Stream) -> Bool { terminals.contains(stream) }

  /// Whether they are shown in colours.
  package func hasColours(_ stream: Stream) -> Bool { hasColours && isTerminal(stream) }

  /// How many columns there are now.
  package var width: Int { size.columns }

  /// How large the terminal is now.
  var size: (columns: Int, rows: Int) {
    var size = winsize()
    let places =
      Stream.both.filter(isTerminal).compactMap { descriptors[$0] } + (isInputTerminal ? [input] : [])
    for place in places where ioctl(place, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 {
      return (Int(size.ws_col), size.ws_row > 0 ? Int(size.ws_row) : TerminalLimits.usualHeight)
    }
    return (TerminalLimits.usualWidth, TerminalLimits.usualHeight)
  }

  // MARK: Saying something

  /// What was asked for: a line on standard output.
  package func result(_ text: StyledText) { show(text, on: .results) }

  /// The same, to be read by a program: JSON on a line of its own.
  package func result(json value: JSONValue) { show(StyledText(value.harmlessText), on: .results) }

  /// All else: a line on standard error.
  package func talk(_ text: StyledText) { show(text, on: .talk) }

  /// Begins a line on standard error that somebody is to end by typing. Whoever asks sees to it that nothing is below it.
  package func ask(_ question: StyledText) {
    state.withLock { state in
      guard state.editor == nil else { return }
      write(question.rendered(inColour: hasColours(.talk)), on: .talk)
    }
  }

  private func show(_ text: StyledText, on stream: Stream) {
    let line = text.rendered(inColour: hasColours(stream)) + "\n"
    var hasWaited = false
    while !place(line, on: stream) {
      _ = waitFor([room.output])
      room.hear()
      hasWaited = true
    }
    // Several may have waited, and one alone has heard.
    if hasWaited { room.say() }
  }

  /// - Returns: whether there was room for it, or nothing that one waits for.
  private func place(_ line: String, on stream: Stream) -> Bool {
    state.withLock { state in
      guard isTerminal(stream) else {
        write(line, on: stream)
        return true
      }
      guard let editor = state.editor else {
        withoutLinesBelow(&state) { write(line, on: stream) }
        return true
      }
      if state.waiting.count < TerminalLimits.waitingLines {
        state.waiting.append(Waiting(stream: stream, text: line))
        editor.say()
        return true
      }
      // Nothing is left out of what was asked for.
      guard stream == .talk else { return false }
      state.lost += 1
      return true
    }
  }

  func write(_ text: String, on stream: Stream) {
    let code = writeWhole(text.utf8, to: descriptors[stream]!)
    // What nobody can read any more: talk is left out, and so is all for a terminal that has gone.
    if code == 0 || stream == .talk || isTerminal(stream) { return }
    if code == EPIPE { endForBrokenPipe() }
    let reason = String(cString: strerror(code))
    _ = writeWhole("results cannot be written: \(reason)\n".utf8, to: descriptors[.talk]!)
    exit(EX_IOERR)
  }

  /// Ends the program as the system ends one that writes to nobody, also where that is prevented: `warren … | head` is no error.
  private func endForBrokenPipe() -> Never {
    restoreTerminal()
    signal(SIGPIPE, SIG_DFL)
    var number = sigset_t()
    sigemptyset(&number)
    sigaddset(&number, SIGPIPE)
    pthread_sigmask(SIG_UNBLOCK, &number, nil)
    raise(SIGPIPE)
    _exit(128 + SIGPIPE)
  }

  // MARK: Lines at the bottom

  /// Whether lines can stand still at the bottom of the screen.
  package var canShowBelow: Bool {
    canMoveCursor && isTerminal(.talk) && state.withLock { $0.editor == nil }
  }

  /// Puts lines at the bottom, in place of those that are there.
  package func showBelow(_ lines: [String]) {
    guard canShowBelow else { return }
    let size = size
    state.withLock { state in
      guard state.editor == nil else { return }
      write(state.below.replaced(by: lines, width: size.columns, height: size.rows), on: .talk)
    }
  }

  /// Calls `body` while the lines at the bottom are away.
  private func withoutLinesBelow(_ state: inout State, _ body: () -> Void) {
    guard !state.below.isEmpty else { return body() }
    let (size, lines) = (size, state.below.lines)
    write(state.below.replaced(by: [], width: size.columns, height: size.rows), on: .talk)
    body()
    write(state.below.replaced(by: lines, width: size.columns, height: size.rows), on: .talk)
  }

  // MARK: With a line that is edited

  /// The descriptor that a line is read from, and the one that it is drawn on; nil where none can be edited.
  var editingPlace: (input: CInt, drawing: CInt)? {
    guard isInputTerminal, canMoveCursor else { return nil }
    // A prompt is talk.
    guard let stream = [Stream.talk, .results].first(where: isTerminal) else { return nil }
    return (input, descriptors[stream]!)
  }

  /// The descriptor that lines come from.
  var lineSource: CInt { input }

  /// Has `editor` show from now on what is said to a terminal.
  func attach(_ editor: SignalPipe) {
    let size = size
    state.withLock { state in
      precondition(state.editor == nil, "one line is edited at a time")
      write(state.below.replaced(by: [], width: size.columns, height: size.rows), on: .talk)
      state.editor = editor
    }
  }

  /// What waits for being shown.
  func takeWaiting() -> [Waiting] {
    defer { room.say() }
    return state.withLock { Self.takeWaiting(&$0) }
  }

  /// Has nobody stand between any more, after what waits.
  func detach() {
    defer { room.say() }
    state.withLock { state in
      state.editor = nil
      for line in Self.takeWaiting(&state) { write(line.text, on: line.stream) }
    }
  }

  private static func takeWaiting(_ state: inout State) -> [Waiting] {
    var lines: [Waiting] = []
    while let line = state.waiting.popFirst() { lines.append(line) }
    if state.lost > 0 { lines.append(Waiting(stream: .talk, text: "(\(state.lost) lines were not shown)\n")) }
    state.lost = 0
    return lines
  }
}

extension Terminal.Stream {
  fileprivate static let both: [Self] = [.talk, .results]
}

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The terminal's modes while a line is edited, and the signals meanwhile: whatever ends this program, short of SIGKILL, the modes
/// are put back, and Ctrl-Z leaves them to others until the program goes on.
///
/// Handlers of signals use what stands here: it is plain memory, set before they are installed, and there is one of each.
enum TerminalModes {
  /// Signals that ask a program to end. The first one ends the lines, so that it ends in order; the next one ends it at once.
  private static let requests = [SIGINT, SIGTERM, SIGHUP]
  /// Signals of a program that is broken, or is ended at once.
  private static let crashes = [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS]

  /// From now on requests to end are said to `end`.
  static func hearRequests(end: SignalPipe) {
    endPipe = end.input
    isEnding = false
    for number in requests {
      // Who was started to outlive its terminal (`nohup`) does.
      if number == SIGHUP, isIgnored(number) { continue }
      handle(number, takeRequest)
    }
  }

  /// From now on the first request ends the program, since nobody listens any more.
  static func stopHearing() {
    isEnding = true
    endPipe = -1
  }

  /// From now on the modes of `terminal` are put back at the end, and what else happens to it is said to `wake`.
  static func hold(_ terminal: CInt, wake: SignalPipe) {
    guard tcgetattr(terminal, &modesBefore) == 0 else { return }
    (wakePipe, hasComeBack, isLineDrawn) = (wake.input, false, false)
    heldTerminal = terminal
    handle(SIGWINCH, takeNews)
    handle(SIGCONT, takeReturn)
    if !isIgnored(SIGTSTP) { handle(SIGTSTP, takeStop) }
    guard !isWatching else { return }
    isWatching = true
    atexit(restoreTerminal)
    for (place, number) in crashes.enumerated() {
      var action = sigaction()
      sigaction(number, nil, &action)
      actionsBefore[place] = action
      setHandler(&action, takeCrash)
      action.sa_flags = SA_ONSTACK
      sigaction(number, &action, nil)
    }
  }

  /// Each character is read as it is typed and not shown by the system; Ctrl-C and Ctrl-Z stay signals.
  static func enter() {
    guard heldTerminal >= 0 else { return }
    var modes = modesBefore
    modes.c_iflag |= tcflag_t(ICRNL)
    modes.c_iflag &= ~tcflag_t(INLCR | IGNCR)
    modes.c_lflag |= tcflag_t(ISIG)
    modes.c_lflag &= ~tcflag_t(ICANON | ECHO | ECHONL | IEXTEN)
    withUnsafeMutableBytes(of: &modes.c_cc) { keys in
      (keys[Int(VMIN)], keys[Int(VTIME)]) = (1, 0)
    }
    while tcsetattr(heldTerminal, TCSANOW, &modes) != 0, errno == EINTR {}
  }

  /// Says whether a line stands there that is not ended: who comes next begins another.
  static func isDrawn(_ isDrawn: Bool) { isLineDrawn = isDrawn }

  /// Whether the program was stopped, and goes on, since this was asked last.
  static func takeHasComeBack() -> Bool {
    defer { hasComeBack = false }
    return hasComeBack
  }

  /// Puts the modes back, and forgets the terminal.
  static func release() {
    restoreTerminal()
    (heldTerminal, wakePipe) = (-1, -1)
  }

  /// Has the calling thread take these signals, whatever the one has blocked that started it.
  static func unblockSignals() {
    var numbers = sigset_t()
    sigemptyset(&numbers)
    for number in requests + [SIGWINCH, SIGCONT, SIGTSTP] { sigaddset(&numbers, number) }
    pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
  }

  private static func handle(_ number: CInt, _ handler: @escaping @convention(c) (CInt) -> Void) {
    var action = sigaction()
    setHandler(&action, handler)
    action.sa_flags = SA_RESTART
    sigaction(number, &action, nil)
  }

  private static func isIgnored(_ number: CInt) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    return isIgnoring(action)
  }

  /// What was done about each crash before.
  fileprivate static func takeActionBefore(_ number: CInt) {
    for place in 0..<crashes.count where crashes[place] == number {
      sigaction(number, actionsBefore + place, nil)
    }
  }
}

/// Puts the modes of the terminal back that is held, if any, and begins a new line behind one that is not ended.
///
/// For handlers of signals and the end of the program. The terminal of others, while this program is in the background, is
/// left alone.
func restoreTerminal() {
  guard heldTerminal >= 0, tcgetpgrp(heldTerminal) == getpgrp() else { return }
  tcsetattr(heldTerminal, TCSANOW, &modesBefore)
  guard isLineDrawn else { return }
  isLineDrawn = false
  var end = UInt8(ascii: "\n")
  _ = write(heldTerminal, &end, 1)
}

// MARK: What handlers use

nonisolated(unsafe) private var heldTerminal: CInt = -1
nonisolated(unsafe) private var endPipe: CInt = -1
nonisolated(unsafe) private var wakePipe: CInt = -1
nonisolated(unsafe) private var isEnding = false
nonisolated(unsafe) private var isLineDrawn = false
nonisolated(unsafe) private var hasComeBack = false
nonisolated(unsafe) private var isWatching = false
nonisolated(unsafe) private var modesBefore = termios()
nonisolated(unsafe) private let actionsBefore = UnsafeMutablePointer<sigaction>.allocate(capacity: 8)

private func say(_ pipe: CInt) {
  let code = errno
  var byte: UInt8 = 1
  _ = write(pipe, &byte, 1)
  errno = code
}

/// Ends the program by this signal as soon as its handler returns.
private func endProgram(_ number: CInt) {
  signal(number, SIG_DFL)
  raise(number)
}

private func takeRequest(_ number: CInt) {
  if isEnding {
    restoreTerminal()
    endProgram(number)
  } else {
    isEnding = true
    say(endPipe)
  }
}

private func takeNews(_ number: CInt) { say(wakePipe) }

private func takeReturn(_ number: CInt) {
  hasComeBack = true
  say(wakePipe)
}

/// Stops as if nobody had taken the signal, and goes on where the program does.
private func takeStop(_ number: CInt) {
  let code = errno
  if heldTerminal >= 0, tcgetpgrp(heldTerminal) == getpgrp() {
    tcsetattr(heldTerminal, TCSANOW, &modesBefore)
  }
  signal(number, SIG_DFL)
  raise(number)
  var numbers = sigset_t()
  sigemptyset(&numbers)
  sigaddset(&numbers, number)
  pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
  // Here it stands still.
  signal(number, takeStop)
  errno = code
}

private func takeCrash(_ number: CInt) {
  restoreTerminal()
  TerminalModes.takeActionBefore(number)
  raise(number)
}

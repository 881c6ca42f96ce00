import WarrenMachine

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Standard output for bytes that are no text of this program's: a thread of its own writes, so that who reads slowly makes nobody
/// wait but the one who writes here.
package final class OutputBytes: Sendable {
  private let desk: OutputDesk
  private let descriptor: CInt

  package init(to descriptor: CInt = STDOUT_FILENO) {
    self.descriptor = descriptor
    desk = OutputDesk(target: descriptor)
    startThread { [desk] in desk.write() }
  }

  deinit { desk.end.say() }

  /// Writes all of it, and returns when the system has taken it. Who is cancelled meanwhile does not wait, and writes no more.
  package func write(_ bytes: [UInt8]) async throws {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isTaken = desk.state.withLock { state in
          guard !state.isGone else { return false }
          (state.bytes, state.waiting) = (bytes, continuation)
          return true
        }
        if isTaken { desk.news.say() } else { continuation.resume(throwing: CancellationError()) }
      }
    } onCancel: {
      desk.state.withLock { state in
        state.isGone = true
        return state.takeWaiting()
      }?.resume(throwing: CancellationError())
    }
  }

  /// Nothing more comes: whoever reads sees the end. The descriptor stays taken, as nothing else may have its number.
  package func finish() {
    let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
    if nowhere >= 0 {
      dup2(nowhere, descriptor)
      close(nowhere)
    }
  }
}

/// Between the one who writes pieces and the thread that does.
private final class OutputDesk: Sendable {
  struct State {
    var bytes: [UInt8]?
    var waiting: CheckedContinuation<Void, any Error>?
    /// Whether nobody writes any more.
    var isGone = false

    mutating func takeWaiting() -> CheckedContinuation<Void, any Error>? {
      defer { waiting = nil }
      return waiting
    }
  }

  let target: CInt
  let state = Guarded(State())
  /// There is something to be written.
  let news = SignalPipe()
  /// There will be nothing more.
  let end = SignalPipe()

  init(target: CInt) { self.target = target }

  deinit { for pipe in [news, end] { pipe.closeEnds() } }

  /// What the thread does.
  func write() {
    // Who has closed the other end is an error like others.
    var broken = sigset_t()
    sigemptyset(&broken)
    sigaddset(&broken, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &broken, nil)
    while true {
      if waitFor([end.output, news.output])[0] { return }
      news.hearOnce()
      guard let bytes = state.withLock({ $0.bytes }) else { continue }
      let code = writeWhole(bytes, to: target)
      let waiting = state.withLock { state in
        state.bytes = nil
        return state.takeWaiting()
      }
      if code == 0 {
        waiting?.resume()
      } else {
        waiting?.resume(throwing: StandardStreamError(.output, code))
      }
    }
  }
}

import WarrenMachine

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Signals that this program hears of, in place of what the system does with them: `SIGINT` and `SIGTERM` ask it to end,
/// `SIGHUP` to read its settings once more.
///
/// A program asks for it once, and not while a ``LineEditor`` is there, which hears them itself.
package struct CaughtSignals: AsyncSequence, Sendable {
  package typealias Element = CInt

  private let stream: AsyncStream<CInt>

  /// Hears of these from now on. One that was ignored when the program was started, as by `nohup`, stays ignored.
  package init(_ numbers: CInt...) {
    let pipe = SignalPipe()
    _ = fcntl(pipe.output, F_SETFL, 0)
    caughtPipe = pipe.input
    let (stream, heard) = AsyncStream.makeStream(of: CInt.self)
    self.stream = stream
    for number in numbers {
      var action = sigaction()
      sigaction(number, nil, &action)
      if isIgnoring(action) { continue }
      setHandler(&action, takeSignal)
      action.sa_flags = SA_RESTART
      sigaction(number, &action, nil)
    }
    startThread { Self.handOn(from: pipe.output, numbers, to: heard) }
  }

  package func makeAsyncIterator() -> AsyncStream<CInt>.Iterator { stream.makeAsyncIterator() }

  /// What the thread does.
  private static func handOn(
    from source: CInt, _ numbers: [CInt], to heard: AsyncStream<CInt>.Continuation
  ) {
    // Whatever the thread has blocked that started this one.
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    var number: UInt8 = 0
    while true {
      let count = read(source, &number, 1)
      if count == 1 { heard.yield(CInt(number)) } else if count == 0 || errno != EINTR { break }
    }
    heard.finish()
  }

  /// Has the system do again what it does with a signal that nobody hears.
  package static func leave(_ numbers: CInt...) {
    for number in numbers { signal(number, SIG_DFL) }
  }
}

nonisolated(unsafe) private var caughtPipe: CInt = -1

private func takeSignal(_ number: CInt) {
  let code = errno
  var byte = UInt8(truncatingIfNeeded: number)
  _ = write(caughtPipe, &byte, 1)
  errno = code
}

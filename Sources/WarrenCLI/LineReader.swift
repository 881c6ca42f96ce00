import Warren

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The lines of standard input, until it ends or somebody wants the program to.
///
/// A thread of its own reads them, since that blocks, and reads on when a line was taken: so who types faster than others listen
/// waits as well. There is one for each program.
struct LineReader: AsyncSequence, Sendable {
  typealias Element = String

  private let lines: AsyncStream<String>
  private let mayGoOn: Pipe

  /// Begins to read. From now on SIGINT and SIGTERM end the lines; who sends another ends the program.
  init() {
    let (lines, typed) = AsyncStream.makeStream(of: String.self)
    let (mayGoOn, end) = (Pipe(), Pipe())
    self.lines = lines
    self.mayGoOn = mayGoOn
    endOfLines = end.input
    for number in [SIGINT, SIGTERM] { signal(number, endLines) }
    let work = ReadingWork(typed: typed, mayGoOn: mayGoOn, end: end)
    var thread = pthread_t()
    let code = pthread_create(&thread, nil, readLines, Unmanaged.passRetained(work).toOpaque())
    precondition(code == 0, "the system has no thread left")
    pthread_detach(thread)
  }

  func makeAsyncIterator() -> Iterator { Iterator(lines: lines.makeAsyncIterator(), mayGoOn: mayGoOn) }

  struct Iterator: AsyncIteratorProtocol {
    private var lines: AsyncStream<String>.Iterator
    private let mayGoOn: Pipe
    private var isFirst = true

    fileprivate init(lines: AsyncStream<String>.Iterator, mayGoOn: Pipe) {
      self.lines = lines
      self.mayGoOn = mayGoOn
    }

    mutating func next() async -> String? { await next(isolation: #isolation) }

    mutating func next(isolation: isolated (any Actor)?) async -> String? {
      if !isFirst { mayGoOn.say() }
      isFirst = false
      return await lines.next(isolation: isolation)
    }
  }
}

/// One end tells the other that something has happened: what a signal's handler may use as well.
private struct Pipe: Sendable {
  let input: CInt
  let output: CInt

  init() {
    var ends: [CInt] = [0, 0]
    precondition(pipe(&ends) == 0, "the system has no pipe left")
    (output, input) = (ends[0], ends[1])
  }

  func say() { _ = withUnsafeBytes(of: UInt8(1)) { write(input, $0.baseAddress, 1) } }

  /// Waits until something was said.
  func listen() {
    var byte: UInt8 = 0
    while read(output, &byte, 1) < 0, errno == EINTR {}
  }
}

private final class ReadingWork: Sendable {
  let typed: AsyncStream<String>.Continuation
  let mayGoOn: Pipe
  let end: Pipe

  init(typed: AsyncStream<String>.Continuation, mayGoOn: Pipe, end: Pipe) {
    (self.typed, self.mayGoOn, self.end) = (typed, mayGoOn, end)
  }

  func run() {
    defer { typed.finish() }
    var rest: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      var watched = [pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)]
      watched.append(pollfd(fd: end.output, events: Int16(POLLIN), revents: 0))
      guard poll(&watched, 2, -1) >= 0 || errno == EINTR else { return }
      if watched[1].revents != 0 { return }
      if watched[0].revents == 0 { continue }
      let count = read(STDIN_FILENO, &buffer, buffer.count)
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count > 0 else {
        if !rest.isEmpty { hand(out: rest) }
        return
      }
      rest += buffer[..<count]
      while let newline = rest.firstIndex(of: 10) {
        guard hand(out: Array(rest[..<newline])) else { return }
        rest.removeFirst(newline + 1)
      }
    }
  }

  /// - Returns: whether there is to be another one.
  @discardableResult
  private func hand(out line: [UInt8]) -> Bool {
    typed.yield(String(decoding: line, as: UTF8.self))
    var watched = [mayGoOn.output, end.output].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while poll(&watched, 2, -1) < 0, errno == EINTR {}
    if watched[1].revents != 0 { return false }
    mayGoOn.listen()
    return true
  }
}

private func readLines(_ work: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  Unmanaged<ReadingWork>.fromOpaque(work!).takeRetainedValue().run()
  return nil
}

/// What a signal's handler writes to; there is one for the whole program.
nonisolated(unsafe) private var endOfLines: CInt = -1

private func endLines(_ number: CInt) {
  signal(number, SIG_DFL)
  var byte: UInt8 = 1
  _ = write(endOfLines, &byte, 1)
}

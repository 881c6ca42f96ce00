import WarrenMachine

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What comes on standard input, piece by piece, whatever that is: a file, a pipe, a terminal, nothing.
///
/// A thread of its own reads, and no further ahead than it was told: so who writes faster than others listen waits as well. It is
/// read by one reader, and while no ``LineEditor`` is there.
package final class InputBytes: AsyncSequence, Sendable {
  package typealias Element = [UInt8]

  private let desk: InputDesk
  private let pieces: AsyncThrowingStream<[UInt8], any Error>

  /// - Parameter ahead: how many pieces are read before they are asked for. With none, what was typed before a question can be thrown
  ///   away.
  package init(from descriptor: CInt = STDIN_FILENO, ahead: Int = 0) {
    let (pieces, came) = AsyncThrowingStream.makeStream(of: [UInt8].self)
    self.pieces = pieces
    desk = InputDesk(source: descriptor, came: came)
    for _ in 0..<ahead { desk.wanted.say() }
    startThread { [desk] in desk.fetch() }
  }

  deinit { desk.end.say() }

  package func makeAsyncIterator() -> Iterator { Iterator(bytes: self, pieces: pieces.makeAsyncIterator()) }

  package struct Iterator: AsyncIteratorProtocol {
    private let bytes: InputBytes
    private var pieces: AsyncThrowingStream<[UInt8], any Error>.Iterator

    fileprivate init(bytes: InputBytes, pieces: AsyncThrowingStream<[UInt8], any Error>.Iterator) {
      (self.bytes, self.pieces) = (bytes, pieces)
    }

    /// The next piece; nil at the end.
    package mutating func next() async throws -> [UInt8]? { try await next(isolation: #isolation) }

    package mutating func next(isolation: isolated (any Actor)?) async throws -> [UInt8]? {
      bytes.desk.wanted.say()
      let piece = try await pieces.next(isolation: isolation)
      // Who was cancelled has not seen the end.
      if piece == nil { try Task.checkCancellation() }
      return piece
    }
  }
}

/// Between the one who reads pieces and the thread that fetches them.
private final class InputDesk: Sendable {
  let source: CInt
  let came: AsyncThrowingStream<[UInt8], any Error>.Continuation
  /// A piece is asked for.
  let wanted = SignalPipe()
  /// There are to be no more.
  let end = SignalPipe()

  init(source: CInt, came: AsyncThrowingStream<[UInt8], any Error>.Continuation) {
    (self.source, self.came) = (source, came)
  }

  deinit { for pipe in [wanted, end] { pipe.closeEnds() } }

  /// What the thread does.
  func fetch() {
    var buffer = [UInt8](repeating: 0, count: TerminalLimits.pieceBytes)
    while true {
      if waitFor([end.output, wanted.output])[0] { return came.finish() }
      wanted.hearOnce()
      var count = -1
      while count < 0 {
        if waitFor([end.output, source])[0] { return came.finish() }
        count = read(source, &buffer, buffer.count)
        if count < 0, errno != EINTR, errno != EAGAIN {
          return came.finish(throwing: StandardStreamError(.input, errno))
        }
      }
      if count == 0 { return came.finish() }
      came.yield(Array(buffer[..<count]))
    }
  }
}

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The lines of standard input, as a person types them where nothing is edited but what the terminal itself does.
package struct InputLines {
  private var bytes: InputBytes.Iterator
  private var splitter = LineSplitter()
  private let source: CInt

  package init(from descriptor: CInt = STDIN_FILENO) {
    source = descriptor
    bytes = InputBytes(from: descriptor).makeAsyncIterator()
  }

  /// Throws away what was typed already: it is no answer to what is asked next.
  package mutating func forgetTyped() {
    splitter = LineSplitter()
    tcflush(source, TCIFLUSH)
  }

  /// The next line; nil at the end.
  package mutating func next() async throws -> String? {
    while true {
      if let line = splitter.next() { return line }
      guard let piece = try await bytes.next() else { return splitter.takeRest() }
      splitter.take(piece)
    }
  }
}

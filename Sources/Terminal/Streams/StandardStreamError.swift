#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Why nothing more can be read from standard input, or written to standard output.
package struct StandardStreamError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Stream: Hashable, Sendable {
    case input
    case output
  }

  package let stream: Stream
  /// The system's number for it.
  package let code: CInt

  init(_ stream: Stream, _ code: CInt) { (self.stream, self.code) = (stream, code) }

  /// Whether nobody reads what is written any more.
  package var isBrokenPipe: Bool { stream == .output && code == EPIPE }

  package var description: String {
    let what = stream == .input ? "standard input cannot be read" : "standard output cannot be written"
    return "\(what): \(String(cString: strerror(code)))"
  }
}

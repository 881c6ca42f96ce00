#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// One end tells the other that something has happened: what a signal's handler may use as well.
struct SignalPipe: Sendable {
  let input: CInt
  let output: CInt

  init() {
    var ends: [CInt] = [0, 0]
    precondition(pipe(&ends) == 0, "the system has no pipe left")
    (output, input) = (ends[0], ends[1])
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
  }

  func closeEnds() {
    close(input)
    close(output)
  }

  /// Where it is full the other end has been told already.
  func say() { _ = withUnsafeBytes(of: UInt8(1)) { write(input, $0.baseAddress, 1) } }

  /// Forgets what was said.
  func hear() {
    var bytes = [UInt8](repeating: 0, count: 64)
    while read(output, &bytes, bytes.count) > 0 {}
  }

  /// Takes one of the times that something was said.
  func hearOnce() {
    var byte: UInt8 = 0
    _ = read(output, &byte, 1)
  }
}

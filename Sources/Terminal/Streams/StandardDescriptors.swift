#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where a program is started without standard input, output or errors, the first socket that it opens would have that number, and
/// would be read and written in their place.
package enum StandardDescriptors {
  /// Has each that is closed lead nowhere. To be called before anything is opened.
  package static func open() {
    for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 {
      // The lowest number that is free is taken: it is this one.
      _ = Self.openNowhere()
    }
  }

  private static func openNowhere() -> CInt {
    #if canImport(Glibc)
      Glibc.open("/dev/null", O_RDWR)
    #else
      Darwin.open("/dev/null", O_RDWR)
    #endif
  }
}

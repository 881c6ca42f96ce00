#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Writes all of it, however often a signal comes between, and waits where a descriptor does not.
///
/// - Returns: 0, or the system's number for what went wrong.
func writeWhole(_ bytes: some Collection<UInt8>, to descriptor: CInt) -> CInt {
  let bytes = ContiguousArray(bytes)
  var written = 0
  while written < bytes.count {
    let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, $0.count - written) }
    if count >= 0 {
      written += count
      continue
    }
    switch errno {
    case EINTR: continue
    case EAGAIN:
      var watched = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      poll(&watched, 1, -1)
    case let code: return code
    }
  }
  return 0
}

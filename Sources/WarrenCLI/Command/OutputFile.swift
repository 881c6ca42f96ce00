#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A new file, written from its beginning to its end.
final class OutputFile: @unchecked Sendable {
  // Written by one thread at a time: hence `@unchecked`.

  let path: String
  private(set) var count = 0
  /// Why it could not be written.
  private(set) var failure: UnwritablePlace?
  private var stream: UnsafeMutablePointer<FILE>?

  /// - Throws: also where there is such a file.
  init(_ path: String) throws(UnwritablePlace) {
    self.path = path
    stream = fopen(path, "wxe")
    if stream == nil { throw UnwritablePlace(path: path, code: errno) }
  }

  deinit { if let stream { fclose(stream) } }

  func write(_ bytes: [UInt8]) {
    guard let stream, failure == nil else { return }
    if fwrite(bytes, 1, bytes.count, stream) != bytes.count {
      failure = UnwritablePlace(path: path, code: errno)
    }
    count += bytes.count
  }

  func close() throws(UnwritablePlace) {
    if let stream, fclose(stream) != 0, failure == nil { failure = UnwritablePlace(path: path, code: errno) }
    stream = nil
    if let failure { throw failure }
  }
}

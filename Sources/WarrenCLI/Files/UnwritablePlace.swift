#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A file or folder that nothing can be written to.
struct UnwritablePlace: Error, CustomStringConvertible {
  let path: String
  /// The system's number for why.
  let code: CInt

  var description: String {
    "\(path.debugDescription) cannot be written to: \(String(cString: strerror(code)))"
  }

  /// Refuses a folder that nothing can be put into.
  static func check(folder path: String) throws(UnwritablePlace) {
    var info = stat()
    if stat(path, &info) != 0 { throw UnwritablePlace(path: path, code: errno) }
    if info.st_mode & S_IFMT != S_IFDIR { throw UnwritablePlace(path: path, code: ENOTDIR) }
    if access(path, W_OK | X_OK) != 0 { throw UnwritablePlace(path: path, code: errno) }
  }
}

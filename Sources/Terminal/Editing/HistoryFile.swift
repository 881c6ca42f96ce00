#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Lines that were typed, kept in a file that only its owner can read, one line each.
///
/// Each is added when it is typed: several programs may use one file, and none loses what was typed into another.
package struct HistoryFile: Hashable, Sendable {
  package let path: String

  /// The file at `path`, which need not be there yet, nor its folder.
  package init(_ path: String) { self.path = path }

  /// The last lines, the oldest first. A file that has grown long becomes short again.
  func load() throws(HistoryError) -> [String] {
    let file = try opened(O_RDONLY)
    guard file >= 0 else { return [] }
    defer { close(file) }
    let size = lseek(file, 0, SEEK_END)
    let start = max(0, size - off_t(TerminalLimits.historyBytes))
    lseek(file, start, SEEK_SET)
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= TerminalLimits.historyBytes {
      let count = read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure() }
      if count == 0 { break }
      bytes += buffer[..<count]
    }
    // The first line of a file that is not read from its beginning is only a part of one.
    let all = bytes.split(separator: UInt8(ascii: "\n")).dropFirst(start > 0 ? 1 : 0)
    let last = all.suffix(TerminalLimits.historyLines).map { String(decoding: $0, as: UTF8.self) }
    if start > 0 || all.count > 2 * TerminalLimits.historyLines { try replace(by: last) }
    return last
  }

  func add(_ line: String) throws(HistoryError) {
    if let folder = path.lastIndex(of: "/"), folder != path.startIndex {
      do { try PersonalFolders.make(String(path[..<folder])) } catch {
        throw HistoryError(path: path, reason: "\(error)")
      }
    }
    let file = try opened(O_WRONLY | O_APPEND | O_CREAT)
    defer { close(file) }
    let code = writeWhole((line.split(separator: "\n").joined(separator: " ") + "\n").utf8, to: file)
    guard code == 0 else { throw HistoryError(path: path, reason: String(cString: strerror(code))) }
  }

  private func replace(by lines: [String]) throws(HistoryError) {
    let new = HistoryFile("\(path).\(getpid())")
    let file = open(new.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure() }
    let code = writeWhole(lines.reduce(into: "") { $0 += $1 + "\n" }.utf8, to: file)
    close(file)
    guard code == 0, rename(new.path, path) == 0 else {
      defer { unlink(new.path) }
      throw failure()
    }
  }

  /// - Returns: a descriptor of the file; -1 where it is not there.
  private func opened(_ flags: CInt) throws(HistoryError) -> CInt {
    // What is no file, such as a pipe, must not hold anybody up.
    let file = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0o600)
    if file < 0, errno == ENOENT, flags & O_CREAT == 0 { return -1 }
    guard file >= 0 else { throw failure() }
    var info = stat()
    guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      close(file)
      throw HistoryError(path: path, reason: "it is not a file")
    }
    if info.st_mode & 0o077 != 0 { fchmod(file, 0o600) }
    return file
  }

  private func failure() -> HistoryError {
    HistoryError(path: path, reason: String(cString: strerror(errno)))
  }
}

/// Why typed lines are not kept.
package struct HistoryError: Error, Hashable, Sendable, CustomStringConvertible {
  package let path: String
  package let reason: String

  package var description: String {
    "what is typed is not kept in \(path.debugDescription): \(reason)"
  }
}

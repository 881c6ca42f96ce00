#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A file that could not be read.
struct UnreadableFile: Error, CustomStringConvertible {
  let path: String
  let reason: String

  var description: String { "\(path.debugDescription) cannot be read: \(reason)" }
}

/// A file that could not be written.
struct UnwritableFile: Error, CustomStringConvertible {
  let path: String
  let reason: String

  var description: String { "\(path.debugDescription) cannot be written: \(reason)" }
}

/// A file that is to be written in the end: whether that will do is known in the beginning.
struct WrittenFile {
  let path: String

  /// Makes it where it is not there; what stands in it stays until something is written.
  init(_ path: String) throws {
    self.path = path
    fclose(try open("a"))
  }

  /// Replaces what stands in it.
  func write(_ text: String) throws {
    let file = try open("w")
    let bytes = Array(text.utf8)
    let isWhole = fwrite(bytes, 1, bytes.count, file) == bytes.count
    guard fclose(file) == 0, isWhole else { throw error() }
  }

  private func open(_ mode: String) throws -> UnsafeMutablePointer<FILE> {
    guard let file = fopen(path, mode) else { throw error() }
    return file
  }

  private func error() -> UnwritableFile {
    UnwritableFile(path: path, reason: String(cString: strerror(errno)))
  }
}

/// The lines of a file of text.
func lines(ofFile path: String) throws -> [String] {
  guard let file = fopen(path, "r") else {
    throw UnreadableFile(path: path, reason: String(cString: strerror(errno)))
  }
  defer { fclose(file) }
  var text: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = fread(&buffer, 1, buffer.count, file)
    guard count > 0 else { break }
    text += buffer[..<count]
  }
  return String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map(
    String.init)
}

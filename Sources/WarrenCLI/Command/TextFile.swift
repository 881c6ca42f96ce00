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

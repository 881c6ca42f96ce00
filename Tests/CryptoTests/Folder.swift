import Foundation
import Testing

/// A folder of a test's own, which is gone afterwards.
enum Folder {
  static func with<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    var path = Array((NSTemporaryDirectory() + "/warren-keys-XXXXXX").utf8CString)
    precondition(mkdtemp(&path) != nil, "no folder for the test: \(String(cString: strerror(errno)))")
    let folder = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
  }

  /// What is in it, temporary files and all.
  static func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  /// Writes a file there with these permissions, whatever the mask of the process.
  static func put(_ text: String, at path: String, mode: mode_t = 0o600) {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    precondition(file >= 0, "\(path): \(String(cString: strerror(errno)))")
    defer { close(file) }
    precondition(write(file, text, text.utf8.count) == text.utf8.count && fchmod(file, mode) == 0)
  }

  static func text(of path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  /// What the system says of the file itself, and not of what it leads to.
  static func status(of path: String) throws -> stat {
    var status = stat()
    try #require(lstat(path, &status) == 0)
    return status
  }
}

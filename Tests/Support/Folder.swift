import Glibc
import Testing
import WarrenMachine

/// Folders that tests use, and the files in them, by their paths.
public enum Folder {
  /// The repository's.
  public static let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

  /// Lends `body` a folder of its own, which is gone afterwards.
  public static func with(_ body: (String) async throws -> Void) async throws {
    var name = Array("/tmp/warren-XXXXXX".utf8CString)
    let made = name.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!).map { String(cString: $0) } }
    let path = try #require(made)
    defer { #expect(system("rm -rf \(path)") == 0) }
    try await body(path)
  }

  /// What is in it, temporary files and all.
  public static func names(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names.filter { $0 != "." && $0 != ".." }.sorted()
  }

  /// Writes a new file with these permissions, whatever the mask of the process.
  public static func put(_ text: String, at path: String, mode: mode_t = 0o600) {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    precondition(file >= 0, "\(path): \(String(cString: strerror(errno)))")
    defer { close(file) }
    precondition(write(file, text, text.utf8.count) == text.utf8.count && fchmod(file, mode) == 0)
  }

  /// What stands in a file; nil where there is none.
  public static func text(of path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = getc(file), byte != EOF { bytes.append(UInt8(byte)) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What stands in a file as soon as it ends a line, or after 20 seconds.
  public static func line(of path: String, on machine: any Machine) async throws -> String {
    for _ in 0..<1000 {
      if let text = text(of: path), text.hasSuffix("\n") { return text }
      try await machine.sleep(for: .milliseconds(20))
    }
    return text(of: path) ?? ""
  }
}

import Glibc
import TestSupport

/// Programs of others, in whose hands what is made from declarations has to work.
enum ForeignShell {
  /// Why it cannot be run here.
  static func obstacle(_ program: String) -> String? {
    system("command -v \(program) >/dev/null 2>&1") == 0
      ? nil : "\(program) is not there: Scripts/interop.sh installs it"
  }

  /// Runs `command`, for 30 seconds at most, in a folder where `files` are.
  ///
  /// - Returns: the number with which it ended, and what it printed; on standard error too where `out` is not enough.
  static func run(
    _ command: String, with files: [(name: String, text: String)] = []
  ) async throws -> (code: Int32, out: String, all: String) {
    var result: (Int32, String, String) = (-1, "", "")
    try await Folder.with { folder in
      for file in files { Folder.put(file.text, at: "\(folder)/\(file.name)") }
      Folder.put(command, at: "\(folder)/.command")
      let status = system(
        "cd \(folder) && HOME=\(folder) timeout -s KILL 30 bash .command >.out 2>.errors </dev/null")
      let out = Folder.text(of: "\(folder)/.out") ?? ""
      result = (status >> 8 & 255, out, out + (Folder.text(of: "\(folder)/.errors") ?? ""))
    }
    return result
  }
}

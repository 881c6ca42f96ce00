import Glibc
import TestSupport

extension Screen {
  /// A screen on which the tests' own program is to be run.
  static func with(columns: Int = 50, rows: Int = 16, _ body: (Screen) async throws -> Void) async throws {
    let program = Folder.repository + "/.build/debug/TerminalProgram"
    precondition(access(program, X_OK) == 0, "\(program) is not built")
    try await with(program, columns: columns, rows: rows, body)
  }
}

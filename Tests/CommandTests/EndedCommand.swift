import TestSupport
import Warren

/// Runs a command to its end.
func ended(_ words: [String]) async throws -> (code: CInt, out: String, err: String) {
  let result = Guarded<(code: CInt, out: String, err: String)>((-1, "", ""))
  try await Folder.with { folder in
    _ = try await onLocalMachines(["watcher"]) { machines in
      let program = try WarrenProgram("laboratory", in: folder, words)
      program.endInput()
      let code = try await program.end(on: machines[0], within: .seconds(120)).code
      result.withLock { $0 = (code, program.out, program.err) }
    }
  }
  return result.withLock { $0 }
}

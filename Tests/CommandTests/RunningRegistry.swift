import TestSupport
import Testing
import Warren

/// `warren serve` within this computer.
struct RunningRegistry: Sendable {
  let program: WarrenProgram
  /// By what others reach it.
  let address: String
}

/// Lends `body` a registry, a machine to wait on, and a folder.
func onRegistry(
  _ words: [String], _ body: @escaping @Sendable (RunningRegistry, any Machine, String) async throws -> Void
) async throws {
  try await Folder.with { folder in
    _ = try await onLocalMachines(["watcher"], isAlone: true) { machines in
      Folder.put("alice:secret\n", at: folder + "/users")
      let words = words.map { $0 == "users" ? folder + "/users" : $0 }
      let program = try WarrenProgram("registry", in: folder, ["serve", "--loopback", "-p", "0"] + words)
      try await machines[0].wait("a registry") { program.out.hasSuffix("\n") }
      let address = String(program.out.dropLast())
      do {
        try await body(RunningRegistry(program: program, address: address), machines[0], folder)
      } catch {
        program.send(9)
        throw error
      }
    }
  }
}

/// Runs a command to its end; it finds the registry in its environment.
func run(
  _ words: [String], _ registry: RunningRegistry?, _ machine: any Machine, _ folder: String,
  within limit: Duration = .seconds(20)
) async throws -> (code: CInt, out: String, err: String) {
  let settings = registry.map { ["WARREN_REGISTRY": $0.address] } ?? [:]
  let program = try WarrenProgram("command", in: folder, words, settings: settings)
  program.endInput()
  let code = try await program.end(on: machine, within: limit).code
  return (code, program.out, program.err)
}

import TestSupport
import Testing

@Suite("warren demo", .needsWarren)
struct DemoTests {
  @Test("two meet in both worlds, a file arrives in each, and the same seed is the same run")
  func demo() async throws {
    try await Folder.with { folder in
      _ = try await onLocalMachines(["watcher"], isAlone: true) { machines in
        let result = try await run(["demo", "--seed", "3"], nil, machines[0], folder)
        let lines = result.out.split(separator: "\n")
        #expect(result.code == 0 && result.err == "", "\(result)")
        #expect(lines.count { $0.contains("have arrived at bob's, whole (SHA-256)") } == 2, "\(result.out)")
        #expect(lines.contains { $0.contains("it goes on directly, to 203.0.113.") }, "\(result.out)")
        #expect(lines.contains { $0.contains("the same, to the last packet") }, "\(result.out)")
        #expect(lines.allSatisfy { $0.count <= 110 })
      }
    }
  }
}

import TestSupport
import Testing
import Warren

@Suite("warren simulate --report", .needsWarren)
struct SimulateReportTests {
  @Test("writes a page, in the place of what was there")
  func writes() async throws {
    _ = try await onLocalMachines(["here"]) { machines in
      let machine = machines[0]
      try await Folder.with { folder in
        let path = "\(folder)/out.html"
        Folder.put(String(repeating: "old ", count: 1_000_000), at: path)
        let program = try WarrenProgram(
          "simulate", in: folder, ["simulate", "open-open", "--seeds", "1", "--report", path])
        #expect(try await program.end(on: machine, within: .seconds(60)) == (0, 0), "\(program.err)")
        let page = try #require(Folder.text(of: path))
        #expect(
          page.hasPrefix("<!DOCTYPE html>") && page.hasSuffix("</html>\n") && page.contains("open-open"))
      }
    }
  }

  @Test("says before it begins that the place cannot be written")
  func unwritable() async throws {
    _ = try await onLocalMachines(["here"]) { machines in
      let machine = machines[0]
      try await Folder.with { folder in
        let path = "\(folder)/nowhere/out.html"
        let program = try WarrenProgram("simulate", in: folder, ["simulate", "--report", path])
        #expect(try await program.end(on: machine).code != 0)
        #expect(
          program.err.contains("nowhere/out.html\" cannot be written") && program.out.isEmpty,
          "\(program.err)")
      }
    }
  }
}

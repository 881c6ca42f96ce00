import Testing
import Warren
import WarrenScenarios
import WarrenSimulator

@Suite("The guide to scenarios")
struct ScenarioExampleTests {
  // begin answers
  @Test func works() async throws {
    try await Scenario("two-phones").run(seeds: 1...5) { stage in
      // bob's program:
      stage.answer(at: "bob") { connection in
        for await stream in connection.incomingStreams {
          while let bytes = try await stream.read() { try await stream.write(bytes) }
          try await stream.finish()
        }
      }
      let connection = try await stage.peer("alice").connect(to: stage.id(of: "bob"))
      let stream = try await connection.openStream()
      try await stream.write(Array("is anybody there?".utf8))
      try await stage.perform(.down("alice", length: .seconds(1)))
      try await stream.finish()
      var heard: [UInt8] = []
      while let bytes = try await stream.read() { heard += bytes }
      stage.expect(heard == Array("is anybody there?".utf8), "bob has said something else")
      try await stage.sleep(for: .seconds(5))
      stage.expect(await connection.path.kind == .direct, "two phones still need a relay")
    }
  }
  // end answers

  @Test("what a test expects and is not so breaks a rule, with its seeds; and so does what it throws")
  func expectations() async throws {
    struct Wrong: Error {}
    let tests: [(@Sendable (Stage) async throws -> Void, String)] = [
      ({ $0.expect(false, "it is not so") }, "it is not so"),
      ({ _ in throw Wrong() }, "the test ends with Wrong()"),
    ]
    for (test, text) in tests {
      let failure = await #expect(throws: ScenarioFailure.self) {
        try await Scenario("open-open").run(seeds: 1...2) { try await test($0) }
      }
      #expect(failure?.verdict.failures.map(\.seed) == [1, 2])
      #expect(failure?.description.contains("its expectations: \(text)") ?? false)
    }
  }

  @Test("a program of one's own runs on its machine, and ends with it")
  func ownProgram() async throws {
    var scenario = Scenario("own") {
      Machine("server")
      Machine("client").behind(.symmetric)
    }
    scenario.programs["server"] = .running("greeter") { machine in
      let socket = try machine.bindUDP(to: .any(.v4, port: 4000))
      defer { socket.close() }
      try await machine.sleep(for: .seconds(3600))
    }
    scenario.programs["client"] = .nothing
    try await scenario.run(seeds: 1...3) { stage in
      try await stage.sleep(for: .seconds(1))
      stage.expect(stage.machine("server").openUDPSockets == 1, "the greeter does not run")
      try await stage.perform(.restart("server"))
      stage.expect(
        stage.machine("server").waits.runningTasks == ["greeter of server"], "it does not run again")
      try await stage.perform(.crash("server", length: nil))
    }
  }
}

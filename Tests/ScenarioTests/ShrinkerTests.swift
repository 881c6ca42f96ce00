import TestSupport
import Testing
import Warren

@testable import WarrenScenarios

@Suite("A scenario that breaks a rule")
struct ShrinkerTests {
  /// Each fails for a reason that little of it is needed for.
  private static let failing: [(name: String, expect: String)] = [
    ("six-friends", #"{"packets-of": "ann", "at-most": 30}"#),
    ("wifi-to-cellular", #"{"packets-of": "bob", "at-most": 30}"#),
    ("link-flaps", #"{"connected": ["alice", "bob"], "silent-at-most": "100 ms"}"#),
    ("nat-reboot-newip", #"{"connected": ["alice", "bob"], "silent-at-most": "100 ms"}"#),
    ("relay-dies", #"{"connected": ["alice", "bob"], "over": "direct"}"#),
  ]

  private func file(_ name: String, expecting expectation: String) throws -> [UInt8] {
    let text = try #require(Folder.text(of: Folder.repository + "/Fixtures/Scenarios/\(name).json"))
    var lines = text.split(separator: "\n").map(String.init)
    if let start = lines.firstIndex(where: { $0.contains("\"expect\"") }) { lines[start...] = ["}"] }
    while let last = lines.dropLast().last, [",", " "].contains(last.last) {
      lines[lines.count - 2].removeLast()
    }
    lines[lines.count - 1] = ", \"expect\": [\(expectation)]}"
    return Array(lines.joined(separator: "\n").utf8)
  }

  @Test("is made smaller, and still breaks it with the same seed", arguments: failing)
  func shrinks(name: String, expectation: String) async throws {
    let file = try file(name, expecting: expectation)
    let result = try #require(try await Shrinker(json: file, seed: 3).run(atMost: 200))
    #expect(result.size < result.sizeBefore && 10 * result.events < result.eventsBefore)
    let faults = try await Scenario(json: result.json).run(seed: 3).judgement.faults
    #expect(
      faults.contains { $0.rule == result.fault.rule }, "\(String(decoding: result.json, as: UTF8.self))")
    print(
      "\(name): \(result.sizeBefore) values to \(result.size), \(result.eventsBefore) events to \(result.events), \(result.runs) runs"
    )
  }

  @Test("has what went wrong by chance written down")
  func chaotic() async throws {
    var options = Scenario.Options()
    options.isChaotic = true
    let refusing = try file("home-home", expecting: #"{"refused": ["alice", "bob"]}"#)
    let result = try #require(try await Shrinker(json: refusing, seed: 1, options).run(atMost: 200))
    let scenario = try Scenario(json: result.json)
    #expect(scenario.timeline.count == 1 && result.fault.rule == .expectation, "\(scenario.timeline)")
  }

  @Test("is none where it breaks nothing")
  func right() async throws {
    let file = try #require(Folder.text(of: Folder.repository + "/Fixtures/Scenarios/open-open.json"))
    #expect(try await Shrinker(json: Array(file.utf8), seed: 1).run() == nil)
  }

  @Test("can be written and read again: all that can go wrong", arguments: 1...40 as ClosedRange<UInt64>)
  func writing(seed: UInt64) async throws {
    var options = Scenario.Options()
    options.isChaotic = true
    let scenario = try Scenario(named: "wifi-to-cellular")
    let chaos = Chaos(scenario, seed: seed).steps
    let text = try #require(
      Folder.text(of: Folder.repository + "/Fixtures/Scenarios/wifi-to-cellular.json"))
    let written = try ScenarioDocument(Array(text.utf8)).adding(chaos)
    let read = try Scenario(json: written.bytes)
    #expect(read.timeline == scenario.timeline + chaos)
  }
}

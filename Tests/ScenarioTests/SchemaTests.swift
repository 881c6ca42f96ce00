import Glibc
import TestSupport
import Testing
import Warren
import WarrenSimulator

@testable import WarrenScenarios

@Suite("The schema of scenarios")
struct SchemaTests {
  private static let path = Folder.repository + "/Fixtures/scenario.schema.json"
  private static let obstacle =
    system("python3 -c 'import jsonschema' 2>/dev/null") == 0
    ? nil : "Debian's python3-jsonschema is not installed: 'make interop' does it"

  private func definition(_ names: String...) throws -> JSONPart {
    let root = try JSONParser.parse(Array(try #require(Folder.text(of: Self.path)).utf8))
    var part = try #require(root["$defs"])
    for name in names { part = try #require(part[name], "there is no \(name)") }
    return part
  }

  private func alternatives(_ part: JSONPart) -> [JSONPart] {
    guard case .list(let parts) = part["anyOf"]?.value else { return [] }
    return parts
  }

  private func words(_ part: JSONPart) -> Set<String> {
    guard case .object(let members) = part["properties"]?.value else { return [] }
    return Set(members.map(\.name))
  }

  private func names(_ part: JSONPart) -> [String] {
    guard case .list(let values) = part["enum"]?.value else { return [] }
    return values.compactMap { if case .text(let text) = $0.value { text } else { nil } }
  }

  private func read(program: String) throws -> Program {
    try Program(ScenarioValue(part: JSONParser.parse(Array(program.utf8)), path: ""))
  }

  @Test("has the words that files are read by, and no others")
  func words() throws {
    let nat = alternatives(try definition("nat"))
    #expect(names(nat[0]) == NATConfiguration.named.map(\.name))
    #expect(words(nat[1]) == Set(NATConfiguration.words))
    let link = alternatives(try definition("link"))
    #expect(names(link[0]) == LinkPair.named.map(\.name))
    #expect(words(link[1]) == Set(LinkPair.words + ["is", "up", "down"]))
    let programs = alternatives(try definition("program"))
    #expect(names(programs[0]) == ["peer", "registry", "relay", "stun", "echo", "nothing"])
    for name in names(programs[0]) { #expect(throws: Never.self) { try read(program: "\"\(name)\"") } }
    #expect(programs.dropFirst().flatMap(words).sorted() == Program.members.sorted())
    let expectations = alternatives(try definition("expectation")).flatMap(words)
    #expect(Set(expectations).isSuperset(of: Expectation.verbs))
    #expect(alternatives(try definition("expectation")).count == Expectation.verbs.count)
    let steps = alternatives(try definition("step")).map(words)
    #expect(
      Set(steps) == Set(Step.readers.map { Set($0.value.words + [$0.key, "at"]) }), "what can happen differs")
  }

  @Test(
    "fits all scenarios that have a name, and nothing that is wrong",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func fits() async throws {
    try await Folder.with { folder in
      let check = """
        import glob, json, sys, jsonschema
        check = jsonschema.Draft202012Validator(json.load(open(sys.argv[1])))
        files = glob.glob(sys.argv[2] + "/*.json")
        wrong = [f for f in files for _ in check.iter_errors(json.load(open(f)))]
        bad = [{}, {"name": "a", "why": "b", "network": [{"machine": 3}]}, {"name": "a", "why": "b", "network": [], "lasts": "7"},
               {"name": "a", "why": "b", "network": [{"machine": "a", "behind": "ful-cone"}]}]
        passed = [b for b in bad if not list(check.iter_errors(b))]
        print(len(files), wrong, passed)
        """
      Folder.put(check, at: folder + "/check.py")
      let files = Folder.repository + "/Fixtures/Scenarios"
      #expect(
        system("python3 \(folder)/check.py '\(Self.path)' '\(files)' > \(folder)/out 2>&1") == 0,
        "\(Folder.text(of: folder + "/out") ?? "")")
      #expect(Folder.text(of: folder + "/out") == "\(Scenario.names.count) [] []\n")
    }
  }
}

import Testing
import WarrenScenarios

@Suite("A scenario's file")
struct ScenarioFileTests {
  private func error(_ text: String) -> String {
    do {
      _ = try Scenario(json: Array(text.utf8), file: "my.json")
      return "nothing is wrong"
    } catch {
      return "\(error)"
    }
  }

  /// The line of `rest` is the fourth.
  private func scenario(_ rest: String) -> String {
    """
    {"name": "mine", "why": "I want to know.",
     "network": [{"machine": "alice"}, {"machine": "bob", "behind": "symmetric"}],
     "timeline": [{"connect": ["alice", "bob"]}],
     \(rest)
    }
    """
  }

  @Test(
    "says in which line what is wrong, and what there is instead",
    arguments: [
      (
        #""expects": []"#,
        "my.json:4: expects: there is no such word here; there are: expect, lasts, name, network, programs, timeline, why"
      ),
      (#""lasts": 7"#, "my.json:4: lasts: it should be a time with its unit in quotation marks"),
      (#""lasts": "7""#, "my.json:4: lasts: it should be a time with its unit"),
      (#""lasts": "-1 s""#, "my.json:4: lasts: it should be a time with its unit"),
      (
        #""expect": [{"refused": ["alice", "carol"]}]"#,
        "my.json:4: expect[0]: there is no peer \"carol\"; there are: alice, bob"
      ),
      (
        #""expect": [{"refused": ["alice"]}]"#,
        "my.json:4: expect[0].refused: it should have two names, and has 1"
      ),
      (#""expect": [{"refused": ["bob", "alice"]}]"#, "my.json:4: expect[0]: bob never connects with alice"),
      (
        #""expect": [{"connected": ["alice", "bob"], "over": "pigeon"}]"#,
        "my.json:4: expect[0].over: there is no kind of way \"pigeon\"; there are: direct, tcp, relayed"
      ),
      (#""programs": {"carol": "peer"}"#, "my.json:4: programs.carol: there is no such machine"),
      (#""programs": {"bob": "teapot"}"#, "my.json:4: programs.bob: there is no program \"teapot\""),
      (
        #""programs": {"bob": {"peer": {"search": 3}}}"#,
        "my.json:4: programs.bob.peer.search: it should be a text, and is a number"
      ),
      (
        #""programs": {"bob": {"mesh": 3}}"#,
        "my.json:4: programs.bob.mesh: it should be a text, and is a number"
      ),
      (
        #""programs": {"bob": {"hostile": {"names": ["carol"]}}}"#,
        "my.json:4: programs.bob: there is no machine \"carol\""
      ),
      (
        #""programs": {"bob": {"portal": {"of": "inn"}}}"#, "my.json:4: programs.bob: there is no NAT \"inn\""
      ),
      (
        #""expect": [{"packets-to": "carol", "at-most": 1}]"#,
        "my.json:4: expect[0]: there is no machine \"carol\""
      ),
      (#""expect": [{"reached": ["alice", "bob"]}]"#, "my.json:4: expect[0]: there is no echo \"bob\""),
      (
        #""expect": [{"mesh": "friends", "within": "1 s"}]"#,
        "my.json:4: expect[0]: there is no mesh \"friends\""
      ),
      (
        #""expect": [{"heard": "bob", "within": "1 s"}]"#,
        "my.json:4: expect[0]: there is no node of a mesh \"bob\""
      ),
      (
        #""expect": [{"seen": "bob"}]"#,
        "my.json:4: expect[0]: it should have one of: connected, heard, mesh, packets-of, packets-to, reached"
      ),
      (#""name": "again""#, "my.json:4: name is there twice"),
      (#""lasts": "7 s"#, "my.json:4: a text ends in its line"),
      (#""lasts": 007"#, "my.json:4: 007 is nothing that JSON has"),
      (#""lasts": "7 s", "#, "my.json:5: a name in quotation marks is missing"),
      (#""lasts" "7 s""#, "my.json:4: a colon is missing behind lasts"),
    ])
  func wrong(rest: String, expected: String) {
    let error = error(scenario(rest))
    #expect(error.hasPrefix(expected), "\(error)")
  }

  @Test(
    "says what is wrong with the network and what happens in it",
    arguments: [
      (
        #"[{"machine": "alice", "behind": "ful-cone"}]"#, "[]",
        "network[0].behind: there is no NAT \"ful-cone\"; there are: full-cone"
      ),
      (
        #"[{"machine": "alice", "behind": ["full-cone", {"is": "carrier", "mapings": 3}]}]"#, "[]",
        "network[0].behind[1].mapings: there is no such word here"
      ),
      (
        #"[{"machine": "alice", "link": {"loss": 5}}]"#, "[]",
        "network[0].link.loss: it should be a percentage in quotation marks: \"5 %\""
      ),
      (
        #"[{"machine": "alice", "link": {"mtu": 100}}]"#, "[]",
        "network[0].link.mtu: it should be a whole number from 1280 to 65535"
      ),
      (#"[{"machine": "alice"}, {"machine": "alice"}]"#, "[]", "network: two are called alice"),
      (#"[{"nat": "home", "inside": []}]"#, "[]", "network[0]: \"is\" is missing"),
      (
        #"[{"machine": "alice"}]"#, #"[{"reboot": "home"}]"#,
        "timeline[0]: there is no NAT \"home\""
      ),
      (
        #"[{"machine": "alice"}]"#, #"[{"at": "1 s"}]"#,
        "timeline[0]: it should have one of: ask, broadcast, clock, close, connect, crash, cut"
      ),
      (
        #"[{"machine": "alice"}]"#, #"[{"connect": ["alice", "alice"]}]"#,
        "timeline[0]: alice cannot do that with itself"
      ),
      (
        #"[{"machine": "alice"}]"#, #"[{"down": "alice", "for": "1 week"}]"#,
        "timeline[0].for: it should be a time"
      ),
    ])
  func wrongParts(network: String, timeline: String, expected: String) {
    let text = #"{"name": "mine", "why": "It is.", "network": \#(network), "timeline": \#(timeline)}"#
    let error = error(text)
    #expect(error.hasPrefix("my.json:1: \(expected)"), "\(error)")
  }

  @Test(
    "is refused where it is no JSON at all",
    arguments: [
      "", "{", "[]", "nul", "{\"name\": \"\\ud800\"}", "{\"name\": \"a\u{1}\"}", "{} {}",
      String(repeating: "[", count: 100_000),
      "{\"a\": 1e999}", "{\"a\": +1}", "{\"a\": .5}", "{\"a\": 0x1}",
    ])
  func noJSON(text: String) { #expect(error(text).hasPrefix("my.json:1: ")) }

  @Test("bytes that are no text are refused")
  func noText() {
    #expect(throws: ScenarioError.self) { try Scenario(json: [0x22, 0xFF, 0x22]) }
  }

  @Test("a name that there is not is refused")
  func unknown() { #expect(throws: ScenarioError.self) { try Scenario(named: "home-hom") } }
}

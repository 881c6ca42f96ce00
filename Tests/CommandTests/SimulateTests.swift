import Glibc
import TestSupport
import Testing

@Suite("warren simulate", .needsWarren)
struct SimulateTests {
  @Test("two processes see the same, event by event")
  func processes() async throws {
    let words = [
      "simulate", "home-strict-birthday", "nat-reboot", "relay-dies", "--seeds", "2", "--chaos", "--json",
    ]
    async let one = ended(words)
    async let other = ended(words)
    let (a, b) = try await (one, other)
    #expect(a.code == 0 && a.out == b.out && a.out.contains("\"hash\":\""), "\(a) and \(b)")
    let replay = ["simulate", "--replay", "home-home-loss", "--seed", "7"]
    let (c, d) = (try await ended(replay), try await ended(replay))
    #expect(c.out == d.out && c.out.split(separator: "\n").count > 500, "\(c.err)")
  }

  @Test("says what there is, what is wrong with a file, and what breaks a rule")
  func words() async throws {
    let list = try await ended(["simulate", "--list"])
    #expect(list.code == 0 && list.out.contains("home-home\n  Two homes"))
    let mistyped = try await ended(["simulate", "home-hom"])
    #expect(mistyped.code == 64 && mistyped.err.contains("did you mean home-home?"), "\(mistyped)")
    try await Folder.with { folder in
      let wrongFile = folder + "/mine.json"
      Folder.put(#"{"name": "mine", "why": "x","# + "\n" + #" "network": [{"machine": 7}]}"#, at: wrongFile)
      let wrong = try await ended(["simulate", wrongFile])
      #expect(
        wrong.code == 65 && wrong.err.contains("mine.json:2: network[0].machine: it should be a text"),
        "\(wrong)")
      try #require(system("mkdir \(folder)/all") == 0)
      let path = folder + "/all/mine.json"
      Folder.put(
        #"{"name": "mine", "why": "x", "network": [{"machine": "a"}, {"machine": "b", "behind": "symmetric"}], "timeline": [{"connect": ["a", "b"]}, {"at": "1 s", "lease": "a"}], "expect": [{"refused": ["a", "b"]}]}"#,
        at: path)
      let broken = try await ended(["simulate", folder + "/all", "--seeds", "3"])
      #expect(broken.code == 1 && broken.out.contains("WRONG in 3 of 3 seeds"), "\(broken)")
      let shrunk = try await ended(["simulate", "--shrink", path, "--seed", "2"])
      #expect(
        shrunk.code == 0 && !shrunk.out.contains("lease") && !shrunk.out.contains("symmetric"), "\(shrunk)")
      Folder.put(shrunk.out, at: folder + "/less.json")
      let again = try await ended(["simulate", folder + "/less.json", "--seed", "2"])
      #expect(again.code == 1 && again.out.contains("a is connected with b"), "\(again)")
    }
  }

  @Test("of an internet that was drawn a run can be looked at as of a scenario")
  func internet() async throws {
    let run = try await ended(["simulate", "--internet", "3", "--seed", "2", "--replay"])
    #expect(run.code == 0 && run.out.contains("peer 1 connects with peer"), "\(run.err)")
    for surplus in [["--seeds", "3"], ["--matrix"], ["home-home"]] {
      let both = try await ended(["simulate", "--internet", "3", "--replay"] + surplus)
      #expect(both.code == 64 && both.err.contains(surplus[0]), "\(both)")
    }
  }

  @Test("a matrix says who is connected with whom")
  func matrix() async throws {
    let matrix = try await ended([
      "simulate", "--matrix", "public", "symmetric", "only-https", "--seeds", "1",
    ])
    let rows = matrix.out.split(separator: "\n").suffix(3).map {
      $0.split(separator: " ").filter { $0.first!.isLetter }
    }
    #expect(
      rows.map { $0.map { String($0) } } == [
        ["public", "D", "D", "R"], ["symmetric", "D", "R", "R"], ["only-https", "R", "R", "R"],
      ], "\(matrix)")
  }
}

import Testing

@testable import WarrenOptions

@Suite("Words on a command line")
struct ParsingTests {
  @Test("an option's value stands behind it, behind an equals sign, or close to its letter")
  func spellings() throws {
    for words in [["--port", "80"], ["--port=80"], ["-p", "80"], ["-p80"], ["-qp80"], ["-vqp", "80"]] {
      guard case .run(let dig as Dig) = try Burrow.program.request(["dig"] + words + ["rose"]) else {
        throw OptionsError(.unknownCommand, "\(words)")
      }
      #expect(dig.words[Dig.port] == 80)
      #expect(dig.words[Dig.garden] == "rose")
    }
  }

  @Test("what is not given is what is assumed, or nothing")
  func defaults() throws {
    let words = try command("dig", "rose", as: Dig.self).words
    #expect(words[Dig.port] == 7777 && words[Dig.rest] == .seconds(90) && words[Dig.soil] == .sand)
    #expect(
      words[Dig.depth] == nil && words[Dig.map] == nil && words[Dig.hedge] == nil && words[Dig.also] == [])
    #expect(!words[Dig.quick] && words[Burrow.verbose] == 0 && words[Burrow.colour])
    #expect(!words.has(Dig.port) && words.has(Dig.garden))
  }

  @Test("options and arguments stand in any order, and an option may come as often as it says")
  func order() throws {
    let words = try command(
      "-v", "dig", "-a", "mole", "rose", "-vq", "--also=vole", "oak", "-aant", as: Dig.self
    ).words
    #expect(words[Dig.also] == ["mole", "vole", "ant"])
    #expect(words[Dig.garden] == "rose" && words[Dig.hedge] == "oak" && words[Dig.quick])
    #expect(words[Burrow.verbose] == 2)
  }

  @Test("two dashes end the options, and one dash is an argument")
  func dashes() throws {
    let words = try command("dig", "-", "--", "--quick", as: Dig.self).words
    #expect(words[Dig.garden] == "-" && words[Dig.hedge] == "--quick" && !words[Dig.quick])
  }

  @Test("a flag can be said either way, once, and the same again changes nothing")
  func negated() throws {
    #expect(try !command("dig", "rose", "--no-colour", as: Dig.self).words[Burrow.colour])
    #expect(try command("dig", "--colour", "rose", "--colour", as: Dig.self).words[Burrow.colour])
    #expect(try command("dig", "rose", "-qq", as: Dig.self).words[Dig.quick])
    #expect(complaint("dig", "rose", "--colour", "--no-colour")?.code == .repeated)
    #expect(complaint("dig", "rose", "--no-quick")?.code == .unknownOption)
  }

  @Test("a value may begin with a dash, or be empty behind an equals sign, where its kind allows it")
  func oddValues() throws {
    #expect(try command("dig", "rose", "--paws", "-3", as: Dig.self).words[Dig.paws] == -3)
    #expect(try command("dig", "rose", "-a", "-mole-", as: Dig.self).words[Dig.also] == ["-mole-"])
    #expect(try command("dig", "rose", "--also=--quick", as: Dig.self).words[Dig.also] == ["--quick"])
    #expect(try command("dig", "rose", "--map=a=b", as: Dig.self).words[Dig.map] == "a=b")
    #expect(try command("dig", "rose", "--map=\u{301}a", as: Dig.self).words[Dig.map] == "\u{301}a")
    #expect(complaint("dig", "rose", "--map=")?.code == .badValue)
  }

  @Test("arguments that have to be there are found behind those of which there are many")
  func last() throws {
    let words = try command("carry", "a", "b", "c", "-b1", "mole", as: Carry.self).words
    #expect(words[Carry.files] == ["a", "b", "c"] && words[Carry.peer] == "mole" && words[Carry.by] == 1)
    #expect(complaint("carry", "-b1", "mole")?.text == "FILE is missing: what is carried")
    #expect(complaint("carry", "-b1")?.text == "FILE is missing: what is carried")
  }

  @Test("what stands behind a command's arguments may be another program's, whatever it looks like")
  func passedOn() throws {
    let words = try command("call", "-t2", "oak", "-v", "ls", "-t", "--colour", "--", "-x", as: Call.self)
      .words
    #expect(words.passedOn == ["ls", "-t", "--colour", "--", "-x"])
    #expect(words[Call.times] == 2 && words[Burrow.verbose] == 1)
    #expect(try command("call", "oak", "--", "-t", "--", as: Call.self).words.passedOn == ["-t", "--"])
    #expect(try command("call", "--", "oak", "-t", as: Call.self).words.passedOn == ["-t"])
    #expect(complaint("call", "oak")?.code == .missingArgument)
  }

  @Test(
    "help is to be had at every level",
    arguments: [
      ([], ["burrow"]), (["--help"], ["burrow"]), (["-h"], ["burrow"]), (["help"], ["burrow"]),
      (["help", "dig"], ["burrow", "dig"]), (["dig", "-h"], ["burrow", "dig"]),
      (["dig", "-p1", "--help", "--nonsense"], ["burrow", "dig"]), (["--help", "dig"], ["burrow", "dig"]),
      (["door"], ["burrow", "door"]), (["door", "help", "open"], ["burrow", "door", "open"]),
      (["help", "door", "open"], ["burrow", "door", "open"]), (["-v", "door", "-vh"], ["burrow", "door"]),
    ] as [([String], [String])])
  func help(_ words: [String], _ path: [String]) throws {
    guard case .help(path) = try Burrow.program.request(words) else {
      Issue.record("\(words) do not ask for help of \(path)")
      return
    }
  }

  @Test("the version is to be had at the top alone")
  func version() throws {
    guard case .version = try Burrow.program.request(["--version"]) else {
      Issue.record("there is no version")
      return
    }
    #expect(Burrow.program.title == "burrow 1.2")
    #expect(complaint("dig", "--version")?.code == .unknownOption)
  }
}

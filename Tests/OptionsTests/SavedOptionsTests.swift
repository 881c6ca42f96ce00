import Testing

@testable import WarrenOptions

@Suite("Options from a file")
struct SavedOptionsTests {
  /// A program whose files hold this.
  private func dig(_ words: String..., file: String) throws -> ParsedWords {
    let request = try Garden.program.request(["dig"] + words) { path throws(OptionsError) in
      SavedOptions(file, from: path ?? "usual")
    }
    guard case .run(let dig as Dig) = request else { throw OptionsError(.unknownCommand, "\(request)") }
    return dig.words
  }

  /// The same commands, with an option that names a file.
  private struct Garden: CommandFamily {
    static let file = Option<String?>("config", .file, "a file with options")
    static let program = Program(Garden.self, version: "1", settings: file)
    static var description: CommandDescription {
      CommandDescription(
        "burrow", "dig tunnels by the book", options: [file, Burrow.verbose, Burrow.colour],
        subcommands: [Dig.self, Carry.self])
    }
  }

  private func complaint(_ file: String, _ words: String...) -> String {
    do {
      _ = try Garden.program.request(["dig", "rose"] + words) { path throws(OptionsError) in
        SavedOptions(file, from: path ?? "usual")
      }
      return "none"
    } catch { return "\(error)" }
  }

  @Test("they count where the command line says nothing else, and only for commands that have them")
  func precedence() throws {
    let file = """
      # mine

      port 80
        soil\twet clay \r
      quick
      no-colour
      also mole
      also vole
      verbose
      verbose
      by 3
      """
    let words = try dig("rose", file: file)
    #expect(words[Dig.port] == 80 && words[Dig.soil] == .wetClay && words[Dig.quick] && !words[Burrow.colour])
    #expect(words[Dig.also] == ["mole", "vole"] && words[Burrow.verbose] == 2)
    // What excludes what was given is not assumed.
    let given = try dig("rose", "-p", "81", "--slow", "-a", "ant", "--colour", file: file)
    #expect(given[Dig.port] == 81 && given[Dig.slow] && !given[Dig.quick] && given[Burrow.colour])
    #expect(given[Dig.also] == ["ant"])
  }

  @Test("what is wrong is named with its file and line, and with what was meant")
  func complaints() {
    #expect(
      complaint("\nprot 80").hasPrefix(#"usual, line 2: there is no option "prot"; did you mean port?"#))
    #expect(complaint("port", "--config", "mine").hasPrefix("mine, line 1: port wants a port"))
    #expect(complaint("port 99999").hasPrefix("usual, line 1: port "))
    #expect(complaint("quick yes").hasPrefix(#"usual, line 1: quick takes no value: leave "yes" out"#))
    #expect(complaint("port 1\nport 2").hasPrefix("usual, line 2: port is there twice"))
    #expect(complaint("quick\nslow").contains("exclude each other"))
  }

  @Test("whatever a file holds, it is refused or read, and nothing else happens")
  func nonsense() {
    var seeded = SeededWords(state: 1)
    for _ in 0..<2_000 { _ = complaint(seeded.text()) }
  }

  /// Lines of words that are options here and there.
  private struct SeededWords {
    var state: UInt64

    mutating func next(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }

    mutating func text() -> String {
      let words = [
        "port", "no-colour", "quick", "80", "#", "=", "--port", "\u{0}", "é", "also", "", "help", "\r",
      ]
      return (0..<next(6)).map { _ in
        (0..<next(4)).map { _ in words[next(words.count)] }.joined(separator: " ")
      }.joined(separator: "\n")
    }
  }
}

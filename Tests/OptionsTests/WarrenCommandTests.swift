import Glibc
import TestSupport
import Testing

/// The command `warren` itself, whose declarations nobody else can see.
@Suite("The words of warren")
struct WarrenCommandTests {
  private static let warren = Folder.repository + "/.build/debug/warren"

  static let obstacle: String? =
    access(warren, X_OK) == 0 ? nil : "the command is not built: swift build --product warren"

  @Test("its help fits a screen", .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func screen() async throws {
    let help = try await ForeignShell.run("\(Self.warren) --help")
    let lines = help.all.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(help.code == 0)
    #expect((10...24).contains(lines.count) && lines.allSatisfy { $0.count <= 80 }, "\(help.all)")
    let others = try await ForeignShell.run("\(Self.warren); \(Self.warren) help; \(Self.warren) -h")
    #expect(others.all == help.out + help.out + help.out)
  }

  @Test("each command explains itself", .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func commands() async throws {
    let script = """
      source <(\(Self.warren) completions bash)
      COMP_WORDS=(warren help '') COMP_CWORD=2
      _warren
      for command in "${COMPREPLY[@]}"; do
        echo "= $command"
        \(Self.warren) help "$command" >one && \(Self.warren) "$command" --help >other && cmp one other && cat one
      done
      """
    let result = try await ForeignShell.run(script)
    let commands = result.all.split(separator: "\n= ")
    #expect(commands.count >= 13)
    for text in commands {
      #expect(text.contains("\nUsage: warren ") && text.contains("\nExamples:\n"), "\(text)")
    }
  }

  @Test(
    "what is wrong is said in one line, and ends it with 64",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func mistakes() async throws {
    let result = try await ForeignShell.run(
      "\(Self.warren) stomr --seed 3; echo $?; \(Self.warren) paths cutt; echo $?")
    #expect(result.out == "64\n64\n")
    #expect(
      result.all == result.out + """
        warren: there is no command "stomr"; did you mean storm? (warren --help tells more)
        warren: SCENARIO cannot be "cutt"; did you mean cut? (warren paths --help tells more)

        """)
  }

  @Test(
    "every shell can read its completions, and mandoc its manual",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func texts() async throws {
    var script = ""
    for shell in ["bash", "zsh", "fish"] where ForeignShell.obstacle(shell) == nil {
      script += "\(Self.warren) completions \(shell) >text && \(shell) -n text || echo \(shell)\n"
    }
    if ManualTests.obstacle == nil {
      script += "\(Self.warren) man >text && mandoc -T lint -W warning text\n"
    }
    #expect(try await ForeignShell.run(script).all == "")
  }
}

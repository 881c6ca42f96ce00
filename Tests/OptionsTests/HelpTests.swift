import Testing

@testable import WarrenOptions

@Suite("Help")
struct HelpTests {
  @Test("a command's is what its declaration says, in lines that fit")
  func command() {
    #expect(
      Burrow.program.help(for: ["burrow", "dig"], width: 76) == """
        Usage: burrow dig [OPTION]... GARDEN [HEDGE]

        Dig a tunnel.

        It goes under everything.

        What is in the way is gone around.

        Arguments:
          GARDEN                  where it begins
          HEDGE                   where it ends

        Options:
          -p, --port PORT         where it listens (default: 7777)
          -d, --depth PERCENT     how deep it is, of what can be
              --rest TIME         how long to rest in between (default: 90s)
          -s, --soil SOIL         what it is dug in: sand, clay, wet clay (default:
                                  sand)
              --map FILE          where it is drawn
              --into FOLDER       where the earth goes
          -a, --also NAME         who helps (as often as you like)
              --paws N            how many are at it
          -q, --quick             do it at once
              --slow              take your time
          -h, --help              show this

        Options of every command:
          -v, --verbose           say more (more often for more)
              --[no-]colour       with colours (default: --colour)

        Examples:
          burrow dig rose
              dig one from the roses
          echo 'a b' | burrow dig 'wild rose' -qp80 --soil "wet clay" > log
              dig one quickly

        Exit codes:
          0   it is dug
          64  the words on the command line are wrong
          3   there is a stone

        """)
  }

  @Test("a program's lists its commands by group")
  func overview() {
    #expect(
      Burrow.program.help() == """
        Usage: burrow [OPTION]... COMMAND [WORD]...

        Dig tunnels between gardens.

        In the garden:
          dig    dig a tunnel
          carry  carry files through a tunnel

        Commands:
          door   look after doors
          call   run a program at the other end

        Options of every command:
          -v, --verbose           say more (more often for more)
              --[no-]colour       with colours (default: --colour)

        'burrow help COMMAND' explains one; 'burrow --version' says which this is.

        """)
  }

  @Test("usage names what has to be there")
  func usage() {
    let usages = Burrow.program.root.all.map { Usage($0).brief.joined(separator: " ") }
    #expect(
      usages == [
        "[OPTION]... COMMAND [WORD]...", "[OPTION]... GARDEN [HEDGE]", "[OPTION]... --by N FILE... PEER",
        "[OPTION]... COMMAND [WORD]...", "[OPTION]... [FROM TO]", "[OPTION]...",
        "[OPTION]... PLACE PROGRAM [WORD]...",
      ])
  }

  @Test("lines are as wide as they may be, and no wider", arguments: [0, 40, 60, 80, 100, 1000])
  func width(_ width: Int) {
    let most = min(max(width, 40), 100)
    for node in Burrow.program.root.all {
      let text = Burrow.program.help(for: node.path, width: width)
      #expect(text.hasSuffix("\n") && !text.hasSuffix("\n\n") && !text.contains(" \n"))
      for line in text.split(separator: "\n")
      where !node.description.examples.contains(where: { line == "  \($0.line)" }) {
        #expect(line.count <= most, "\(line)")
      }
    }
  }

  @Test("what does not fit a screen does without empty lines")
  func tight() {
    struct Leaf: Command {
      static var description: CommandDescription { CommandDescription("leaf", "be a leaf") }
      init(_ words: ParsedWords) {}
      func run() {}
    }
    struct Tree: CommandFamily {
      static var description: CommandDescription {
        CommandDescription("tree", "have leaves", subcommands: Array(repeating: Leaf.self, count: 18))
      }
    }
    // It has one leaf many times, which no program may.
    #expect(CommandNode(root: Tree.self).children.count == 18)
    let text = HelpText(CommandNode(root: Tree.self), width: 80).text
    #expect(text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().count == 24)
    #expect(text.contains("  leaf  be a leaf\n'tree help COMMAND'"))
  }

  @Test("words are put into lines")
  func wrapping() {
    #expect(wrapped("aa bb cc", width: 5) == "aa bb\ncc")
    #expect(wrapped("aa bb cc", width: 5, indent: 1) == " aa\n bb\n cc")
    #expect(wrapped("a muchtoolong b", width: 5, indent: 2, firstColumn: 4) == "a\n  muchtoolong\n  b")
    #expect(wrapped("", width: 5) == "")
    #expect(paragraphs("a\nb\n\n\nc\n") == ["a b", "c"])
    #expect(sentence("dig it") == "Dig it.")
  }
}

import Testing

@testable import WarrenOptions

@Suite("What is wrong with words")
struct ComplaintTests {
  @Test(
    "is said in one line, with what to do and where to read on",
    arguments: [
      (
        ["digg"], .unknownCommand,
        "there is no command \"digg\"; did you mean dig? (burrow --help tells more)"
      ),
      (
        ["help", "dor"], .unknownCommand,
        "there is no command \"dor\"; did you mean door? (burrow --help tells more)"
      ),
      (["xyzzy"], .unknownCommand, "there is no command \"xyzzy\" (burrow --help tells more)"),
      (
        ["door", "opne"], .unknownCommand,
        "there is no command \"opne\"; did you mean open? (burrow door --help tells more)"
      ),
      (
        ["dig", "--prot=8"], .unknownOption,
        "there is no option \"--prot\"; did you mean --port? (burrow dig --help tells more)"
      ),
      (
        ["dig", "--ver"], .unknownOption,
        "there is no option \"--ver\"; did you mean --verbose? (burrow dig --help tells more)"
      ),
      (
        ["dig", "-port", "8"], .unknownOption,
        "there is no option \"-port\"; did you mean --port? (burrow dig --help tells more)"
      ),
      (
        ["dig", "--no-color"], .unknownOption,
        "there is no option \"--no-color\"; did you mean --no-colour? (burrow dig --help tells more)"
      ),
      (["dig", "-qx"], .unknownOption, "there is no option \"-x\" (burrow dig --help tells more)"),
      (
        ["--port", "8", "dig"], .unknownOption,
        "there is no option \"--port\" here; it stands behind the command that it is for (burrow --help tells more)"
      ),
      (
        ["dig", "a", "--port"], .missingValue,
        "--port wants a port from 1 to 65535, such as 7777: write it behind --port (burrow dig --help tells more)"
      ),
      (
        ["dig", "a", "-a", "--quick"], .missingValue,
        "-a wants a text that is not empty, such as hello, and --quick is an option; if it is meant: --also=--quick (burrow dig --help tells more)"
      ),
      (
        ["dig", "a", "-a", "--"], .missingValue,
        "-a wants a text that is not empty, such as hello, and -- is an option; if it is meant: --also=-- (burrow dig --help tells more)"
      ),
      (
        ["dig", "a", "--quick=yes"], .surplusValue,
        "--quick takes no value: leave =yes out (burrow dig --help tells more)"
      ),
      (
        ["dig", "a", "-p", "x\u{1B}[2J"], .badValue,
        "-p wants a port from 1 to 65535, such as 7777, not \"x\\u{1B}[2J\" (burrow dig --help tells more)"
      ),
      (
        ["dig", "a", "--soil=snad"], .badValue,
        "--soil cannot be \"snad\"; did you mean sand? (burrow dig --help tells more)"
      ),
      (
        ["dig", "a", "--soil=gold"], .badValue,
        "--soil wants one of sand, clay, wet clay, not \"gold\" (burrow dig --help tells more)"
      ),
      (
        ["dig", "a", "-p1", "--port=1"], .repeated,
        "--port is there twice: give it once (burrow dig --help tells more)"
      ),
      (["dig"], .missingArgument, "GARDEN is missing: where it begins (burrow dig --help tells more)"),
      (
        ["dig", "a", "b", "c"], .surplusArgument,
        "\"c\" is too much: burrow dig takes GARDEN HEDGE and options (burrow dig --help tells more)"
      ),
      (
        ["door", "shut", "up"], .surplusArgument,
        "\"up\" is too much: burrow door shut takes options alone (burrow door shut --help tells more)"
      ),
      (
        ["help", "dig", "it"], .surplusArgument,
        "burrow dig has no command \"it\" (burrow dig --help tells more)"
      ),
      (
        ["dig", "a", "--slow", "-q"], .conflict,
        "--quick and --slow exclude each other: give one of them (burrow dig --help tells more)"
      ),
      (
        ["dig", "a", "--into=b"], .incomplete,
        "--into goes only with --map: give that too (burrow dig --help tells more)"
      ),
      (
        ["door", "open", "in"], .incomplete,
        "FROM goes with TO: give both, or neither (burrow door open --help tells more)"
      ),
      (["carry", "a", "b"], .incomplete, "--by N is missing: by how many (burrow carry --help tells more)"),
      (
        ["carry", "a", "nobody", "-b1"], .badValue, "nobody carries nothing (burrow carry --help tells more)"
      ),
    ] as [([String], OptionsError.Code, String)])
  func complaints(_ words: [String], _ code: OptionsError.Code, _ text: String) throws {
    let error = #expect(throws: OptionsError.self) { try Burrow.program.request(words) }
    #expect(error?.code == code)
    #expect(error?.description == text)
  }

  @Test("an error of a kind's own is said as it is")
  func foreignError() {
    struct Wrong: Error, CustomStringConvertible { let description = "it is green" }
    let kind = ValueKind<Int>("N", expected: "a number", example: "1") { _ in throw Wrong() }
    let error = #expect(throws: OptionsError.self) { try kind.erased.value(of: "1", for: "--n") }
    #expect(error?.description == "--n: it is green")
  }

  @Test("a word is shown no longer than fits a line")
  func long() {
    #expect(quoted("a\u{202E}b\n") == "\"a\\u{202E}b\\u{A}\"")
    #expect(quoted(String(repeating: "a", count: 60)).count == 62)
    #expect(quoted(String(repeating: "a", count: 61)).hasSuffix("a\"…"))
  }
}

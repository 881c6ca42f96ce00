import TestSupport
import Testing

@testable import WarrenOptions

@Suite("Completions in the shells themselves")
struct CompletionTests {
  /// What is typed before the tab, and what stands there then.
  ///
  /// Each shell goes on in its own way behind an option that takes a value.
  private static let typed: [(String, String)] = [
    ("burrow d", "burrow d"), ("burrow di", "burrow dig "), ("burrow help ca", "burrow help ca"),
    ("burrow help car", "burrow help carry "), ("burrow door o", "burrow door open "),
    ("burrow door help sh", "burrow door help shut "), ("burrow -v ca", "burrow -v ca"),
    ("burrow --verb", "burrow --verbose "), ("burrow dig --no", "burrow dig --no-colour "),
    ("burrow dig rose --soil c", "burrow dig rose --soil clay "),
    ("burrow dig --soil=cl", "burrow dig --soil=clay "),
    ("burrow dig -s w", "burrow dig -s wet\\ clay "),
    ("burrow dig --soil wet\\ ", "burrow dig --soil wet\\ clay "),
    ("burrow dig --soil 'w", "burrow dig --soil 'wet clay' "),
    ("burrow dig -qs w", "burrow dig -qs wet\\ clay "),
    ("burrow dig --map pl", "burrow dig --map plan.txt "),
    ("burrow dig --map=pl", "burrow dig --map=plan.txt "),
    ("burrow dig --into he", "burrow dig --into heap/"), ("burrow dig --port pl", "burrow dig --port pl"),
    ("burrow dig pl", "burrow dig pl"), ("burrow carry pl", "burrow carry plan.txt "),
    ("burrow carry plan.txt hea", "burrow carry plan.txt hea"),
    ("burrow --no-colour dig --slo", "burrow --no-colour dig --slow "),
    ("burrow dig -- --slo", "burrow dig -- --slo"), ("burrow nonsense d", "burrow nonsense d"),
    ("burrow door shut pl", "burrow door shut pl"), ("burrow call oak pl", "burrow call oak plan.txt "),
    ("burrow call -t 2 oak pl", "burrow call -t 2 oak plan.txt "),
    ("burrow call -t 2 pl", "burrow call -t 2 pl"),
  ]

  private static let files = [
    ("completions.bash", Burrow.program.completions(for: .bash)),
    ("completions.zsh", Burrow.program.completions(for: .zsh)),
    ("completions.fish", Burrow.program.completions(for: .fish)),
    ("plan.txt", ""), ("hear", ""), ("heat", ""),
  ]

  // MARK: bash

  static let noTerminal = ForeignShell.obstacle("bash") ?? ForeignShell.obstacle("script")

  /// In a terminal: `script` makes one, and Ctrl-T writes down what stands on the line.
  @Test("bash completes what is typed", .enabled(if: noTerminal == nil, Comment(rawValue: noTerminal ?? "")))
  func bash() async throws {
    let start = """
      PS1=
      source completions.bash
      report() { printf '%s\\n' "$READLINE_LINE" >>report; READLINE_LINE=; READLINE_POINT=0; }
      bind 'set bell-style none'
      bind -x '"\\C-t": report'

      """
    let keys = Self.typed.map { "\($0.0)\t\u{14}" }.joined() + "exit\n"
    let result = try await ForeignShell.run(
      "mkdir heap; script -qec 'bash --rcfile start -i' screen <keys >/dev/null; cat report",
      with: Self.files + [("start", start), ("keys", keys)])
    compare(result.out, Self.typed.map(\.1), result.all)
  }

  @Test("bash offers nothing that is not there, also where = parts no words")
  func bashFunction() async throws {
    let lines: [(String, String)] = [
      ("burrow ''", "dig carry door call help"), ("burrow dig --s", "--soil --slow"),
      ("burrow dig --soil=w", "--soil=wet\\ clay"), ("burrow dig --soil ''", "sand clay wet\\ clay"),
      ("burrow dig --soil = c", "clay"), ("burrow dig --soil =", "sand clay wet\\ clay"),
      ("burrow dig -- --s", ""),
      ("burrow dig --port ''", ""), ("burrow help ''", "dig carry door call"), ("burrow dig x --quick=", ""),
    ]
    let calls = lines.map { words, _ in
      "COMP_WORDS=(\(words)); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _burrow; echo \"${COMPREPLY[*]}\""
    }
    let script = "set -u\nsource completions.bash\n" + calls.joined(separator: "\n")
    let result = try await ForeignShell.run(script, with: Self.files)
    compare(result.all, lines.map(\.1), result.all)
  }

  // MARK: zsh

  static let noZsh = ForeignShell.obstacle("zsh")

  /// In a terminal of zsh's own making. It completes as far as there is one way only, and puts `=` behind an option.
  @Test("zsh completes what is typed", .enabled(if: noZsh == nil, Comment(rawValue: noZsh ?? "")))
  func zsh() async throws {
    let script = """
      zmodload zsh/zpty
      mkdir heap
      zpty shell "PS1= TERM=dumb zsh -f -i"
      wait_for() {
        repeat 1000; do
          if [[ -f report ]] && (( $(wc -l <report) >= $1 )); then return; fi
          zpty -r -t shell output
          sleep 0.01
        done
        print -r "nothing after line $1"
        exit 1
      }
      zpty -w shell "autoload -Uz compinit; compinit -u -D; source completions.zsh
      report() { print -r -- \\"\\$BUFFER\\" >>report; BUFFER= }; zle -N report; bindkey '^X' report
      print ready >>report"
      wait_for 1
      number=1
      for line in "${(@f)$(<typed)}"; do
        zpty -w -n shell "$line"$'\\t\\x18'
        wait_for $((++number))
      done
      tail -n +2 report

      """
    let result = try await ForeignShell.run(
      "zsh -n completions.zsh && zsh -f drive",
      with: Self.files + [("drive", script), ("typed", Self.typed.map(\.0).joined(separator: "\n"))])
    compare(result.out, Self.typed.map(\.1), result.all)
  }

  // MARK: fish

  static let noFish = ForeignShell.obstacle("fish")

  @Test("fish offers what may stand there", .enabled(if: noFish == nil, Comment(rawValue: noFish ?? "")))
  func fish() async throws {
    let lines: [(String, [String])] = [
      ("burrow d", ["dig\tdig a tunnel", "door\tlook after doors"]),
      ("burrow help ca", ["call\trun a program at the other end", "carry\tcarry files through a tunnel"]),
      ("burrow door o", ["open\topen one"]), ("burrow door help s", ["shut\tshut all of them"]),
      ("burrow -v do", ["door\tlook after doors"]), ("burrow dig --no", ["--no-colour\twith colours"]),
      ("burrow dig rose --soil c", ["clay\twhat it is dug in"]),
      ("burrow dig --soil=cl", ["--soil=clay\twhat it is dug in"]),
      ("burrow dig -s we", ["wet clay\twhat it is dug in"]),
      ("burrow dig -qs we", ["wet clay\twhat it is dug in"]),
      ("burrow dig --map pl", ["plan.txt"]), ("burrow dig --map=pl", ["--map=plan.txt"]),
      ("burrow dig --into he", ["heap/\tDirectory"]),
      ("burrow dig --port pl", []), ("burrow dig pl", []), ("burrow carry pl", ["plan.txt"]),
      ("burrow --no-colour dig --slo", ["--slow\ttake your time"]), ("burrow nonsense d", []),
      ("burrow door shut pl", []),
      ("burrow call oak pl", ["plan.txt"]), ("burrow call -t 2 oak pl", ["plan.txt"]),
      ("burrow call -t 2 pl", []),
    ]
    let script = lines.map { "complete -C \($0.0.fishQuoted); echo ." }.joined(separator: "\n")
    let result = try await ForeignShell.run(
      "mkdir heap; fish -n completions.fish && fish -N -c 'source completions.fish; source drive'",
      with: Self.files + [("drive", script)])
    let answers = result.out.split(separator: ".\n", omittingEmptySubsequences: false).dropLast()
    compare(
      answers.map { $0.hasSuffix("\n") ? $0.dropLast() : $0 }.joined(separator: "\n--\n"),
      lines.map { $0.1.joined(separator: "\n") }.joined(separator: "\n--\n").split(
        separator: "\n", omittingEmptySubsequences: false
      ).map(String.init),
      result.all)
  }

  private func compare(_ out: String, _ expected: [String], _ all: String) {
    var lines = out.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last == "" && lines.count > expected.count { lines.removeLast() }
    for (line, right) in zip(lines, expected) { #expect(line == right) }
    #expect(lines.count == expected.count, "\(all)")
  }
}

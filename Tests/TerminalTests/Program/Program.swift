import Glibc
import WarrenMachine
import WarrenTerminal

/// What the tests of the terminal drive, through a real one: a program that shows what is typed, and does what it is told by a pipe.
@main
struct Program {
  static func main() async {
    let terminal = Terminal()
    var words = Array(CommandLine.arguments.dropFirst())
    switch words.isEmpty ? "" : words.removeFirst() {
    case "edit": await edit(terminal, orders: words[0], history: words.count > 1 ? words[1] : nil)
    case "lines": await showLines(terminal)
    case "bars": showBars(terminal, orders: words[0])
    case "results": for number in 0..<Int(words[0])! { terminal.result("line \(number)") }
    case "log": log(terminal, words[0])
    case let other: terminal.talk("what is \(other)?")
    }
  }

  // MARK: Lines

  private static func edit(_ terminal: Terminal, orders: String, history: String?) async {
    let editor = LineEditor(on: terminal, history: history.map { HistoryFile($0) }) { question in
      question.wordsBefore.isEmpty
        ? ["send", "serve", "service", "größer"]
        : question.wordsBefore == ["send"] ? ["bob", "bo\u{1B}[31m"] : []
    }
    let orders = OrderPipe(orders) { obey($0, $1, terminal, editor) }
    for await line in editor {
      terminal.result("typed: \(line)")
      if line == "quit" { break }
      if line == "slow" { orders.waitForGo() }
    }
    editor.end()
    terminal.result("ended")
    if history == "stuck" { while true { pause() } }
  }

  private static func obey(_ order: String, _ rest: String, _ terminal: Terminal, _ editor: LineEditor) {
    switch order {
    case "say": terminal.talk("\(rest, .good)")
    case "result": terminal.result("\(rest)")
    case "talk": for number in 0..<Int(rest)! { terminal.talk("number \(number)") }
    case "many": for number in 0..<Int(rest)! { terminal.result("number \(number)") }
    case "prompt": editor.prompt = rest
    case "warn": Log(on: terminal).warning(rest, ["from": "a test"])
    case "exit": exit(3)
    case "crash": fatalError(rest)
    default: break
    }
  }

  private static func showLines(_ terminal: Terminal) async {
    for await line in LineEditor(on: terminal) { terminal.result("typed: \(line)") }
    terminal.result("ended")
  }

  // MARK: Bars

  private static func showBars(_ terminal: Terminal, orders: String) {
    let board = ProgressBoard(on: terminal)
    let bars = Guarded<[ProgressBar]>([])
    let clock = Guarded(Instant(nanoseconds: 0))
    let orders = OrderPipe(orders) { order, rest in
      let words = rest.split(separator: " ").map(String.init)
      let now = clock.withLock { clock in
        clock = clock.advanced(by: .seconds(1))
        return clock
      }
      switch order {
      case "add": bars.withLock { $0.append(board.add(words[0], total: UInt64(words[1]), at: now)) }
      case "update":
        bars.withLock { $0[Int(words[0])!].update(done: UInt64(words[1])!, path: "direct", at: now) }
      case "end": bars.withLock { $0[Int(words[0])!].end(.complete, at: now) }
      case "fail": bars.withLock { $0[Int(words[0])!].end(.failed("it is over"), at: now) }
      case "say": terminal.talk("\(rest)")
      default: break
      }
    }
    orders.waitForGo()
  }

  private static func log(_ terminal: Terminal, _ format: String) {
    let log = Log(on: terminal, level: .info, format: LogFormat(rawValue: format)!) {
      .seconds(1_700_000_000)
    }
    log.error("it \u{1B}[2Jfails", ["peer": "two words", "port": .number(7)])
    log.debug("left out")
  }
}

/// What somebody wants who has typed a line.
enum ChatOrder: Equatable {
  case nothing
  case all
  case connect(String)
  case allow(String)
  case deny(String)
  case talk(String)
  case rename(String)
  case say(String)
  case tcp
  case udp
  case path
  case close
  case help
  case exit
  /// It is none, and this is to be said.
  case wrong(String)

  /// A command: its word, what stands behind it, and what it does.
  struct Command: Sendable {
    let word: String
    let argument: String?
    let effect: String
  }

  static let commands = [
    Command(word: "all", argument: nil, effect: "show who is there"),
    Command(word: "connect", argument: "NAME", effect: "ask somebody to talk"),
    Command(word: "allow", argument: "NAME", effect: "talk to somebody who asks"),
    Command(word: "deny", argument: "NAME", effect: "do not"),
    Command(word: "msg", argument: "TEXT", effect: "say something, as any line does in a conversation"),
    Command(word: "talk", argument: "NAME", effect: "go on with another conversation that is open"),
    Command(word: "rename", argument: "NAME", effect: "be called otherwise"),
    Command(word: "tcp", argument: nil, effect: "have the conversation go over TCP; nothing is lost"),
    Command(word: "udp", argument: nil, effect: "have it go over UDP again"),
    Command(word: "path", argument: nil, effect: "show all ways to the other side, and how long they take"),
    Command(word: "close", argument: nil, effect: "end the conversation"),
    Command(word: "help", argument: nil, effect: "show this"),
    Command(word: "exit", argument: nil, effect: "end all, and the program"),
  ]

  /// - Parameter isTalking: whether a conversation is open: then a line is said, unless it begins with `/`.
  init(_ line: String, isTalking: Bool) {
    guard line.contains(where: { !$0.isWhitespace }) else {
      self = .nothing
      return
    }
    if line.hasPrefix("//") {
      self = .say(String(line.dropFirst()))
    } else if line.hasPrefix("/") {
      self.init(command: line.dropFirst())
    } else if isTalking, !line.hasPrefix("msg ") {
      self = .say(line)
    } else {
      self.init(command: line[...])
    }
  }

  private init(command line: Substring) {
    let words = line.drop(while: \.isWhitespace).split(
      separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    let word = words.first.map(String.init) ?? ""
    let rest = words.count > 1 ? String(words[1]) : ""
    let name = String(rest.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    guard let command = Self.commands.first(where: { $0.word == word }) else {
      self = .wrong("there is no command \(word.debugDescription): help tells which there are")
      return
    }
    if let argument = command.argument, name.isEmpty {
      self = .wrong("\(word) needs to be told more: \(word) \(argument)")
    } else if command.argument == nil, !name.isEmpty {
      self = .wrong("\(word) stands alone: nothing belongs behind it")
    } else {
      self = Self.order(word, name, rest)
    }
  }

  private static func order(_ word: String, _ name: String, _ rest: String) -> ChatOrder {
    switch word {
    case "all": .all
    case "connect": .connect(name)
    case "allow": .allow(name)
    case "deny": .deny(name)
    case "talk": .talk(name)
    case "rename": .rename(name)
    case "msg": .say(rest)
    case "tcp": .tcp
    case "udp": .udp
    case "path": .path
    case "close": .close
    case "exit": .exit
    default: .help
    }
  }
}

import WarrenOptions

/// A program with every kind of word that there is.
struct Burrow: CommandFamily {
  static let program = Program(Burrow.self, version: "1.2")
  static let verbose = Option.counted("verbose", short: "v", "say more")
  static let colour = Option.flag("colour", "with colours", default: true)
  static let garden = CommandGroup("In the garden")

  static var description: CommandDescription {
    CommandDescription(
      "burrow", "dig tunnels between gardens", options: [verbose, colour],
      subcommands: [Dig.self, Carry.self, Door.self, Call.self],
      exitCodes: [ExitCode(0, "it is dug"), .usage])
  }
}

enum Soil: String, CaseIterable, Sendable {
  case sand
  case clay
  case wetClay = "wet clay"
}

struct Dig: Command {
  static let garden = Argument("GARDEN", .text, "where it begins")
  static let hedge = Argument<String?>.optional("HEDGE", .text, "where it ends")
  static let port = Option("port", short: "p", .port, "where it listens", default: 7777)
  static let depth = Option<Double?>("depth", short: "d", .percent(), "how deep it is, of what can be")
  static let rest = Option("rest", .duration(), "how long to rest in between", default: .seconds(90))
  static let soil = Option("soil", short: "s", .choice("SOIL"), "what it is dug in", default: Soil.sand)
  static let map = Option<String?>("map", .file, "where it is drawn")
  static let into = Option<String?>("into", .folder, "where the earth goes")
  static let also = Option<[String]>.repeated("also", short: "a", .text.named("NAME"), "who helps")
  static let paws = Option<Int?>("paws", .number(-4...4), "how many are at it")
  static let quick = Option.flag("quick", short: "q", "do it at once")
  static let slow = Option.flag("slow", "take your time")

  static var description: CommandDescription {
    CommandDescription(
      "dig", "dig a tunnel", discussion: "It goes under everything.\n\nWhat is in the way is\ngone around.",
      group: Burrow.garden, arguments: [garden, hedge],
      options: [port, depth, rest, soil, map, into, also, paws, quick, slow],
      rules: [.atMostOne(of: [quick, slow]), .needs(into, oneOf: [map])],
      examples: [
        Example("burrow dig rose", "dig one from the roses"),
        Example("echo 'a b' | burrow dig 'wild rose' -qp80 --soil \"wet clay\" > log", "dig one quickly"),
      ], exitCodes: [ExitCode(3, "there is a stone")])
  }

  let words: ParsedWords
  init(_ words: ParsedWords) { self.words = words }
  func run() {}
}

struct Carry: Command {
  static let files = Argument<[String]>.rest("FILE", .file, "what is carried", atLeast: 1)
  static let peer = Argument("PEER", .text, "to whom")
  static let by = Option<Int>.required("by", short: "b", .number(1...4), "by how many")

  static var description: CommandDescription {
    CommandDescription(
      "carry", "carry files through a tunnel", group: Burrow.garden, arguments: [files, peer], options: [by])
  }

  let words: ParsedWords
  init(_ words: ParsedWords) throws {
    self.words = words
    if words[Self.peer] == "nobody" { throw OptionsError(.badValue, "nobody carries nothing") }
  }
  func run() {}
}

struct Door: CommandFamily {
  static var description: CommandDescription {
    CommandDescription("door", "look after doors", subcommands: [Open.self, Shut.self])
  }

  struct Open: Command {
    static let from = Argument<String?>.optional("FROM", .text, "from which side")
    static let to = Argument<String?>.optional("TO", .text, "to which side")
    static var description: CommandDescription {
      CommandDescription("open", "open one", arguments: [from, to], rules: [.together([from, to])])
    }

    let words: ParsedWords
    init(_ words: ParsedWords) { self.words = words }
    func run() {}
  }

  struct Shut: Command {
    static var description: CommandDescription { CommandDescription("shut", "shut all of them") }

    init(_ words: ParsedWords) {}
    func run() {}
  }
}

struct Call: Command {
  static let place = Argument("PLACE", .text, "where it runs")
  static let times = Option("times", short: "t", .number(0...9), "how often", default: 1)
  static var description: CommandDescription {
    CommandDescription(
      "call", "run a program at the other end", arguments: [place], passedOn: "PROGRAM", options: [times])
  }

  let words: ParsedWords
  init(_ words: ParsedWords) { self.words = words }
  func run() {}
}

/// The command that these words ask for.
func command<One: Command>(_ words: String..., as _: One.Type = One.self) throws -> One {
  guard case .run(let command as One) = try Burrow.program.request(words) else {
    throw OptionsError(.unknownCommand, "\(words) do not ask for \(One.self)")
  }
  return command
}

/// What is said of these words, which are wrong.
func complaint(_ words: String...) -> OptionsError? {
  do {
    _ = try Burrow.program.request(words)
    return nil
  } catch {
    return error as? OptionsError
  }
}

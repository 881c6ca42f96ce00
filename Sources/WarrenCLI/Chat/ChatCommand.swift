import Warren
import WarrenOptions
import WarrenTerminal

/// A chat in a terminal: by a registry, over plain TCP, or by ICE.
struct ChatCommand: Command {
  static let name = Argument<String?>.optional(
    "NAME", .text, "what one is called at the registry: a name is drawn otherwise")
  static let serve = Option.flag("serve", short: "s", "wait for one who calls over TCP, at --port, or 8080")
  static let connect = Option<HostPlace?>(
    "connect", short: "c", .host, "call one who waits there, at --port, or 8080")
  static let manual = Option.flag("manual", "print a description (SDP) for the other side, and take its own")
  static let ice = Option.flag("ice", "look for a direct way by ICE, and let go of TCP", default: true)

  static var description: CommandDescription {
    CommandDescription(
      "chat", "talk to others by name, or to one without a registry",
      discussion: """
        By a registry: all shows who is there, connect NAME asks somebody to talk, who says allow NAME or deny NAME; help tells the rest. \
        In a conversation a line is said, and commands begin with a slash. The prompt says on which way the conversation goes.

        Without a registry two talk: --serve and --connect find each other over TCP and tell each other by it where they are, for ICE \
        to find the best way; with --no-ice they stay there, and either may be netcat. With --manual a person carries what each \
        prints to the other, by mail for example.

        Lines that come by a pipe wait until there is somebody to hear them, and the program ends when they were heard: with a number \
        that says why, where they were not.
        """,
      group: .meeting, arguments: [name], options: [serve, connect, manual, ice] + PeerWords.all,
      rules: [.atMostOne(of: ways), .needs(ice, oneOf: [serve, connect])] + ways.flatMap { strangers(to: $0) }
        + PeerWords.rules,
      examples: [
        Example(
          "warren chat alice -r warren://registry.example.org", "be there as alice, and ask others to talk"),
        Example(
          "printf 'connect alice\\nthe backup is done\\n' | warren chat cron",
          "say something to alice in a script"),
        Example("warren chat --serve --no-ice", "talk to whoever calls port 8080, with netcat for example"),
        Example("warren chat --connect chat.example.org", "call one who has said --serve"),
        Example(
          "warren chat --manual --stun stun.example.org",
          "meet one to whom what it prints can be carried, and back"),
      ])
  }

  /// How two find each other without a registry.
  private static let ways: [any DeclaredWord] = [serve, connect, manual]

  /// What means nothing without a registry.
  private static func strangers(to word: any DeclaredWord) -> [OptionRule] {
    let words: [any DeclaredWord] = [name, PeerWords.registry, PeerWords.key]
    return words.map { .atMostOne(of: [word, $0]) }
  }

  private enum Chat {
    case registry(RendezvousChat)
    case two(TwoPartyChat)
  }

  private let chat: Chat

  init(_ words: ParsedWords) throws {
    let meeting: TwoPartyChat.Meeting? =
      words[Self.manual] ? .manual : words[Self.serve] ? .serve : words[Self.connect].map { .connect($0) }
    guard let meeting else {
      chat = .registry(try RendezvousChat(words, named: words[Self.name]))
      return
    }
    let given = words.has(PeerWords.port) ? words[PeerWords.port] : nil
    var means = ICEMeeting.Means()
    if case .manual = meeting { means.port = given ?? 0 }
    means.usesLoopback = words[PeerWords.loopback]
    means.usesRelaysAlone = words[PeerWords.paths] == .relayed
    means.stun = words[PeerWords.stun]
    means.relays = words[PeerWords.paths] == .direct ? [] : PeerProgram.relays(words)
    chat = .two(TwoPartyChat(meeting: meeting, usesICE: words[Self.ice], port: given, means: means))
  }

  func run() async throws {
    switch chat {
    case .registry(let chat): try await chat.run()
    case .two(let chat): try await chat.run()
    }
  }
}

import Warren
import WarrenOptions
import WarrenTerminal

/// A chat in a terminal.
struct ChatCommand: Command {
  static let name = Argument<String?>.optional(
    "NAME", .text, "what one is called there: a name is drawn otherwise")

  static var description: CommandDescription {
    CommandDescription(
      "chat", "talk to others by name, if they let you",
      discussion: """
        By a registry: all shows who is there, connect NAME asks somebody to talk, who says allow NAME or deny NAME; help tells the rest. \
        In a conversation a line is said, and commands begin with a slash. The prompt says on which way the conversation goes.
        """,
      group: .meeting, arguments: [name], options: PeerWords.all, rules: PeerWords.rules,
      examples: [
        Example("warren chat alice -r warren://registry.example.org", "be there as alice, and ask others to talk")
      ])
  }

  private let chat: RendezvousChat

  init(_ words: ParsedWords) throws {
    chat = try RendezvousChat(words, named: words[Self.name])
  }

  func run() async throws { try await chat.run() }
}

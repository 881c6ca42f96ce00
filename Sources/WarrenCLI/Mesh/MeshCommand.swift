import Warren
import WarrenOptions

/// A node of a mesh in a terminal, by Warren's protocol or the original's.
struct MeshCommand: Command {
  static let name = Argument("NAME", .text, "what this node is called")
  static let mesh = Option("mesh", .text.named("MESH"), "which mesh it belongs to", default: "warren")
  static let secret = Option<String?>(
    "secret", .text.named("SECRET"), "let in only those who know this secret: the same for all")
  static let key = Option<String?>("key", .file, "where its key is kept; a new one where there is none")
  static let port = Option("port", short: "p", .ownPort, "where it listens, 0 being any", default: 0)
  static let registry = Option<RegistryAddress?>(
    "registry", short: "r", .registry, "a registry that knows others")
  static let connect = Option<[Mesh.Bootstrap]>.repeated(
    "connect", short: "c", .bootstrap, "somebody who is there already: KEY, ADDRESS or KEY@ADDRESS")
  static let loopback = Option.flag("loopback", "be there for others on this computer too")
  static let downloads = Option<String?>("downloads", .folder, "where files go that others send")
  static let plaintext = Option.flag(
    "plaintext", "speak the original's text protocol, which anybody on the way can read")
  static let debug = Option.flag("debug", short: "d", "show what happens to connections as well")

  private static let foreignToPlaintext: [any DeclaredWord] = [
    registry, mesh, secret, key, downloads, loopback,
  ]

  static var description: CommandDescription {
    CommandDescription(
      "mesh", "be a node of a mesh: what is typed is said to all",
      discussion: """
        It prints its key and where it is, for others to --connect to. A line that is typed is said to all; /peers shows who is \
        there, /tell says something to one alone, /send sends it a file, and /quit leaves, as Ctrl-C does.
        """,
      group: .meeting, arguments: [name],
      options: [port, registry, connect, mesh, secret, key, downloads, loopback, plaintext, debug],
      rules: foreignToPlaintext.map { .atMostOne(of: [plaintext, $0]) },
      examples: [
        Example("warren mesh alice --loopback", "be the first node on this computer"),
        Example(
          "warren mesh bob --loopback --connect 127.0.0.1:41234",
          "join it from another terminal, where alice says she is"),
        Example(
          "warren mesh dave --plaintext -p 9000", "be a node that the original's and netcat can talk to"),
        Example(
          "warren mesh carol -r warren://registry.example.org --key carol.pem",
          "find the others by a registry, under a key that stays the same"),
      ])
  }

  private enum Chat {
    case ours(MeshChat)
    case plain(PlainMeshChat)
  }

  private let chat: Chat

  init(_ words: ParsedWords) throws {
    chat = words[Self.plaintext] ? .plain(try PlainMeshChat(words)) : .ours(MeshChat(words))
  }

  func run() async throws {
    switch chat {
    case .ours(let chat): try await chat.run()
    case .plain(let chat): try await chat.run()
    }
  }
}

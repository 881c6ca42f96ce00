import Warren
import WarrenOptions
import WarrenTerminal

/// Prints who this person is to others: what is to be told them.
struct KeyCommand: Command {
  private static let file = Argument<String?>.optional(
    "FILE", .file, "a file with a key, made where there is none: your own otherwise")

  static var description: CommandDescription {
    CommandDescription(
      "key", "print the key that others know this one by",
      discussion: """
        It is what others connect to, and allow. The private one stays in its file, which is for nobody else. A second program \
        that runs at the same time uses another key of yours, as each stands for one place.
        """,
      group: .itself, arguments: [file], options: [JSONWord.json],
      examples: [
        Example("warren key", "print your own"), Example("warren key alice.pem", "make a key in a file"),
      ])
  }

  private let file: String?
  private let isJSON: Bool

  init(_ words: ParsedWords) {
    file = words[Self.file]
    isJSON = words[JSONWord.json]
  }

  func run() async throws {
    let machine = LocalMachine(name: "key")
    let path = try file ?? PersonalKey.firstPath()
    let key = try PrivateKey(fileOrNew: path, on: machine)
    await machine.close()
    let terminal = Terminal()
    if isJSON {
      terminal.result(json: .object([("key", .text("\(key.peerID)")), ("file", .text(path))]))
    } else {
      terminal.result("\(key.peerID)")
      terminal.talk("its private half is in \(path)")
    }
  }
}

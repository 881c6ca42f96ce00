import Warren
import WarrenOptions
import WarrenTerminal

/// Takes what others send.
struct ReceiveCommand: Command {
  private static let folder = Option("into", .folder, "where files go", default: ".")
  private static let senders = Option<[PeerID]>.repeated("from", .key, "whose files are taken without asking")
  private static let takesAll = Option.flag("yes", short: "y", "take everything without asking")
  private static let endsSoon = Option.flag("once", "end after the first transfer")

  static var description: CommandDescription {
    CommandDescription(
      "receive", "take the files that others send, after asking",
      discussion: """
        It prints by what others send to it: its key, and where no registry is named its address as well. Then it asks about each \
        offer, unless it was told to take it; and prints where each file is. What breaks off lies there as NAME.part, and goes on when \
        its sender comes back, also after this command was started anew.
        """,
      group: .meeting, options: [folder, PeerWords.name, senders, takesAll, endsSoon] + PeerWords.all,
      rules: PeerWords.rules,
      examples: [
        Example("warren receive --name bob", "be found as bob, whom 'warren send FILE bob' reaches"),
        Example("warren receive --into downloads --yes --once", "take one file or folder from anybody"),
        Example(
          "warren receive --from \(PeerID.example)", "take all from one, and ask about others"),
      ])
  }

  private let program: PeerProgram
  private let reception: Reception.Wishes

  init(_ words: ParsedWords) throws {
    var program = try PeerProgram(words)
    let isSeen = program.terminal.isInputTerminal
    let senders = words[Self.senders]
    let canAsk = isSeen && !words[Self.takesAll]
    guard canAsk || words[Self.takesAll] || !senders.isEmpty else {
      throw OptionsError(
        .incomplete, "nobody can be asked here, as standard input is no terminal: give --yes or --from KEY")
    }
    try program.answer(to: words[PeerWords.name])
    program.expectFiles()
    reception = Reception.Wishes(
      folder: words[Self.folder], senders: senders, takesAll: words[Self.takesAll], canAsk: canAsk,
      endsSoon: words[Self.endsSoon])
    self.program = program
  }

  func run() async throws {
    try UnwritablePlace.check(folder: reception.folder)
    var program = program
    let names = Reception.Names()
    let wishes = reception
    program.configuration.policy = .decide { peer, name in
      guard wishes.takesAll || wishes.canAsk || wishes.senders.contains(peer) else { return false }
      names.learn(peer, name?.text)
      return true
    }
    try await program.run { [program] peer in
      try await Reception(peer, program, wishes, names).run()
    }
  }
}

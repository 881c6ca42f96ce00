import Warren
import WarrenOptions
import WarrenTerminal

/// A chat with those whom a registry brings together.
struct RendezvousChat: Sendable {
  private let program: PeerProgram
  /// Nil where one is to be drawn.
  private let name: String?

  init(_ words: ParsedWords, named name: String?) throws {
    var program = try PeerProgram(words)
    try program.needRegistry()
    program.configuration.protocols = [ChatTalk.protocolName]
    program.configuration.policy = .ask
    program.configuration.keepAlive = ChatLimits.keepAlive
    program.configuration.idleTimeout = ChatLimits.silence
    self.program = program
    self.name = name
  }

  func run() async throws {
    let ownName = name ?? FriendlyName.drawn()
    let names = ChatNames()
    let (events, heard) = AsyncStream.makeStream(of: PeerEvent.self)
    var program = program
    program.configuration.name = ownName
    program.takes = { event in
      heard.yield(event)
      if case .registryRefused(let error) = event { return error.code == .nameTaken }
      return false
    }
    let terminal = program.terminal
    guard terminal.isInputTerminal else {
      return try await program.run { peer in
        let room = ChatRoom(peer, as: ownName, isNameDrawn: name == nil, names, nil, on: terminal)
        try await room.run(events)
      }
    }
    let history = try HistoryFile(PersonalFolders(of: "warren").state + "/chat-history")
    // Signals are waited for before anybody is told that this one is there.
    let lines = LineEditor(on: terminal, prompt: "[\(ownName)]> ", history: history) { names.complete($0) }
    defer { lines.end() }
    try await program.runUninterrupted { peer in
      let room = ChatRoom(peer, as: ownName, isNameDrawn: name == nil, names, lines, on: terminal)
      try await room.run(events)
    }
  }
}

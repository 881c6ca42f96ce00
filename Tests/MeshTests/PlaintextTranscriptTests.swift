import TestSupport
import Testing
import WarrenMachine
import WarrenMesh

@Suite("Conversations in plain text")
struct PlaintextTranscriptTests {
  @Test("go as the original has them, line by line", arguments: [1, 3, 100_000])
  func transcripts(pieces: Int) throws {
    let text = try #require(Folder.text(of: Folder.repository + "/Fixtures/Mesh/plaintext.txt"))
    var conversation: Conversation?
    var count = 0
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.isEmpty || line.hasPrefix("#") { continue }
      if line.hasPrefix("== ") {
        conversation?.finish(before: number + 1)
        conversation = try Conversation(line.dropFirst(3), pieces: pieces)
        count += 1
      } else {
        try #require(conversation != nil)
        try conversation!.follow(line, number + 1)
      }
    }
    conversation?.finish(before: 0)
    #expect(count == 8)
  }
}

/// A conversation that is followed as it is written down.
private struct Conversation {
  private var link: PlainLinkCore
  private var now = Instant(nanoseconds: 0)
  private var said: [UInt8] = []
  /// How much the other side says at a time.
  private let pieces: Int

  init(_ description: Substring, pieces: Int) throws {
    self.pieces = pieces
    let parts = description.split(separator: ", ")
    let own = parts[2].dropFirst("as ".count).split(separator: ":")
    link = PlainLinkCore(
      parts[0] == "dialled" ? .dialled : .accepted, with: try IPAddress(parts[1].dropFirst("with ".count)),
      as: try PlainGreeting(id: String(own[0]), name: String(own[1])), at: now)
    if parts.count > 3 {
      link.begin(listening: try SocketAddress(parts[3].dropFirst("listening at ".count)), at: now)
    }
  }

  mutating func follow(_ line: Substring, _ number: Int) throws {
    let space = line.firstIndex(of: " ") ?? line.endIndex
    let text = line[space...].dropFirst()
    let bytes = Array(text.replacing("\\n", with: "\n").replacing("\\r", with: "\r").utf8)
    switch line[..<space] {
    case "<": hear(bytes + [0x0A])
    case "<=": hear(bytes)
    case ">": expect(bytes + [0x0A], number)
    case ">=": expect(bytes, number)
    case "!": try act(text.split(separator: " ", maxSplits: 1), bytes)
    case "?":
      #expect(link.pollEvent().map(describe) == String(text).replacing("\\n", with: "\n"), "line \(number)")
    case "@":
      now = now.advanced(by: .seconds(try #require(Int(text))))
      link.handleDeadline(at: now)
      link.handleDeadline(at: now)
    default: Issue.record("line \(number) says nothing")
    }
  }

  private mutating func hear(_ bytes: [UInt8]) {
    for start in stride(from: 0, to: bytes.count, by: pieces) {
      link.receive(Array(bytes[start..<min(start + pieces, bytes.count)]), at: now)
    }
  }

  private mutating func expect(_ bytes: [UInt8], _ number: Int) {
    while let more = link.pollOutput(atMost: 5, at: now) { said += more }
    #expect(said.starts(with: bytes), "line \(number): \(String(decoding: said, as: UTF8.self))")
    said.removeFirst(min(said.count, bytes.count))
  }

  private mutating func act(_ words: [Substring], _ bytes: [UInt8]) throws {
    let text = words.count > 1 ? String(words[1]) : ""
    switch words[0] {
    case "share": link.sharePeers([text], at: now)
    case "request": link.requestPeers(at: now)
    case "accept": link.accept(at: now)
    case "refuse":
      let parts = text.split(separator: " ").map(String.init)
      link.refuse(parts[0] == "full" ? .full : .duplicate, knowing: Array(parts.dropFirst()), at: now)
    case "text": link.say([try PlainWord.text(text).encoded()], at: now)
    case "bytes":
      let message = Array(bytes.dropFirst("bytes ".utf8.count))
      link.say([try PlainWord.bytes(message.count).encoded(), message], at: now)
    default: Issue.record("nobody knows how to \(words[0])")
    }
  }

  private func describe(_ event: PlainLinkCore.Event) -> String {
    switch event {
    case .asked: "asked \(link.listens.map { "\($0)" } ?? "nowhere")"
    case .opened: "opened \(link.greeting!.id) \(link.greeting!.name)"
    case .text(let text): "text \(text)"
    case .bytes(let bytes): "bytes \(String(decoding: bytes, as: UTF8.self))"
    case .peersWanted: "peers wanted"
    case .peers(let peers): "peers \(peers.map(\.description).joined(separator: " "))"
    case .pinged: "pinged"
    case .ponged: "ponged"
    case .misunderstood: "misunderstood"
    case .ended(let error): "ended \(error.code)"
    }
  }

  /// Nothing else was said, and nothing else has happened.
  mutating func finish(before number: Int) {
    while let more = link.pollOutput(atMost: 100, at: now) { said += more }
    #expect(said.isEmpty, "before line \(number)")
    #expect(link.pollEvent() == nil, "before line \(number)")
  }
}

import Warren

/// What is said to all of a mesh, and who has heard it; and when each node knew all others.
struct MeshTalk {
  private struct Word {
    var speaker: String
    var id: PeerID
    var said: Instant
    var heard: [String: Instant] = [:]
  }

  private var words: [Word] = []
  private var begun: [String: Instant] = [:]
  private var whole: [String: Instant] = [:]

  /// A node begins, and knows nobody yet.
  mutating func begin(_ name: String, at now: Instant) {
    begun[name] = now
    whole[name] = nil
  }

  mutating func isWhole(for name: String, at now: Instant) {
    if whole[name] == nil { whole[name] = now }
  }

  /// After which time a node knew all others; nil where it does not yet.
  func wholeTime(of name: String) -> Duration? {
    guard let start = begun[name], let end = whole[name] else { return nil }
    return start.duration(to: end)
  }

  /// What a node says next.
  mutating func say(by name: String, _ id: PeerID, at now: Instant) -> String {
    words.append(Word(speaker: name, id: id, said: now))
    return "\(words.count - 1)"
  }

  mutating func heard(_ message: MeshMessage, at name: String, _ now: Instant) {
    guard case .text(let text) = message.content, let number = Int(text), words.indices.contains(number),
      words[number].id == message.sender, words[number].heard[name] == nil
    else { return }
    words[number].heard[name] = now
  }

  /// After which time somebody heard the first thing that a node said, or the last; nil where it did not.
  func time(from speaker: String, to name: String, last isLast: Bool = false) -> Duration? {
    let said = words.filter { $0.speaker == speaker }
    guard let word = isLast ? said.last : said.first else { return nil }
    return word.heard[name].map { word.said.duration(to: $0) }
  }
}

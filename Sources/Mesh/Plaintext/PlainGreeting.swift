import WarrenMachine

/// Who somebody is: the first line of either side, `ID:NAME`.
package struct PlainGreeting: Hashable, Sendable {
  /// By what it is told from others: it has chosen it, and nothing proves it.
  package let id: String
  /// What it calls itself.
  package let name: String

  /// This node.
  ///
  /// - Throws: where the identity or the name could be taken for something else.
  package init(id: String, name: String) throws(PlainError) {
    for (what, text) in [("an identity", id), ("a name", name)] {
      guard (1...PlainLimits.nameBytes).contains(text.utf8.count), !text.utf8.contains(UInt8(ascii: ":")),
        !text.unicodeScalars.contains(where: \.couldDisturb), text.withoutOuterSpace == text
      else {
        throw PlainError(
          .badName,
          "\(what) has 1 to \(PlainLimits.nameBytes) bytes, all to be seen, and no colon: \(quoted(text)) is none"
        )
      }
    }
    try Self.check(id)
    self.id = id
    self.name = name
  }

  /// Somebody else, by its first line: without a name it is called as it is identified, and a name may have colons.
  package init(_ line: String) throws(PlainError) {
    let halves = line.unicodeScalars.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map
    { String($0) }
    id = halves[0]
    let name = halves.count == 2 ? halves[1].undisturbing : ""
    self.name = name.isEmpty ? halves[0] : name
    try Self.check(id)
  }

  /// What is no identity: what would be hard to see, and what is a word of the protocol.
  private static func check(_ id: String) throws(PlainError) {
    guard (1...PlainLimits.nameBytes).contains(id.utf8.count),
      !id.unicodeScalars.contains(where: { $0.couldDisturb || $0.properties.isWhitespace }),
      !words.contains(id)
    else {
      throw PlainError(
        .badName,
        "an identity has 1 to \(PlainLimits.nameBytes) bytes, no white space, and is no command: \(quoted(id)) is none"
      )
    }
  }

  private static let words: Set<String> = [
    "PING", "PONG", "REQUEST_PEERS", "PEERS", "BYTES", "LISTEN", PlainRefusal.duplicate.rawValue,
    PlainRefusal.full.rawValue,
  ]

  package var encoded: [UInt8] { Array("\(id):\(name)\n".utf8) }
}

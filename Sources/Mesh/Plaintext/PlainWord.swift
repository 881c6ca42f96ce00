import WarrenMachine

/// What a line says, once both have said who they are.
package enum PlainWord: Hashable, Sendable {
  /// Are you there?
  case ping
  /// Yes.
  case pong
  /// Whom do you know?
  case requestPeers
  /// Those, by their addresses.
  case peers([String])
  /// A message of so many bytes follows.
  case bytes(Int)
  /// What somebody says to all. The line has nothing before it that says so: whatever is no command is a text.
  case text(String)

  /// - Parameter line: without its end, and without white space at either side.
  /// - Throws: where it announces bytes, and does not say how many.
  package init(_ line: String) throws(PlainError) {
    if line.isBytes(of: "PING") {
      self = .ping
    } else if line.isBytes(of: "PONG") {
      self = .pong
    } else if line.isBytes(of: "REQUEST_PEERS") {
      self = .requestPeers
    } else if line.hasBytes("PEERS:") {
      self = .peers(line.droppingBytes(of: "PEERS:").split(separator: ",").map(String.init))
    } else if line.hasBytes("BYTES:") {
      self = .bytes(try Self.count(line.droppingBytes(of: "BYTES:")))
    } else {
      self = .text(line)
    }
  }

  private static func count(_ text: String) throws(PlainError) -> Int {
    if let count = Int(text) { return count }
    // So many that they cannot be counted, after which nothing can be read any more.
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    if !text.isEmpty, text.utf8.allSatisfy(digits.contains) { return .max }
    throw PlainError(.nonsense, "bytes were announced, and not how many: \(quoted(text, limit: 32))")
  }

  /// The line, with its end.
  ///
  /// - Throws: where a text would be taken for something else.
  package func encoded() throws(PlainError) -> [UInt8] {
    switch self {
    case .ping: return Array("PING\n".utf8)
    case .pong: return Array("PONG\n".utf8)
    case .requestPeers: return Array("REQUEST_PEERS\n".utf8)
    case .peers(let peers): return Array("PEERS:\(peers.joined(separator: ","))\n".utf8)
    case .bytes(let count): return Array("BYTES:\(count)\n".utf8)
    case .text(let text):
      try Self.check(text)
      return Array(text.utf8) + [UInt8(ascii: "\n")]
    }
  }

  private static func check(_ text: String) throws(PlainError) {
    guard text.utf8.count <= PlainLimits.lineBytes else {
      throw PlainError(
        .tooLarge,
        "a text has at most \(PlainLimits.lineBytes) bytes, and this one \(text.utf8.count): send it as bytes"
      )
    }
    guard !text.utf8.contains(UInt8(ascii: "\n")) else {
      throw PlainError(.notAText, "a text has one line: say each line by itself, or send them as bytes")
    }
    guard let word = try? PlainWord(text.withoutOuterSpace), case .text = word else {
      throw PlainError(
        .notAText,
        "\(quoted(text, limit: 32)) would be taken for a command: say it otherwise, or send it as bytes")
    }
  }
}

extension String {
  func isBytes(of whole: StaticString) -> Bool { utf8.count == whole.utf8CodeUnitCount && hasBytes(whole) }
}

import Warren

/// The description of the other side, as it is pasted line by line; and who it is, where it is a warren as well.
struct SDPPaste {
  /// What the other side says of itself.
  struct Found: Sendable {
    let description: ICEDescription
    /// The candidates in it that are of no use, and why.
    let refused: [SDPError]
    /// Who it must prove to be; nil where it is another program, which proves nothing.
    let key: PeerID?
  }

  private static let keyAttribute = "a=warren-key:"

  private let usesLoopback: Bool
  private var lines: [String] = []
  /// Something was no SDP: what belongs to it is passed over.
  private var isSkipping = false

  init(usesLoopback: Bool) { self.usesLoopback = usesLoopback }

  /// This side's description, with its key.
  static func text(_ description: ICEDescription, key: PeerID) -> [String] {
    var lines = description.sdp().split(whereSeparator: \.isNewline).map(String.init)
    // Before the media, where those who do not know it do not look.
    let place = lines.firstIndex { $0.hasPrefix("m=") } ?? lines.endIndex
    lines.insert(keyAttribute + "\(key)", at: place)
    return lines
  }

  /// Takes the next line.
  ///
  /// - Returns: the description, once it is whole: with its `a=end-of-candidates`, or an empty line behind it.
  /// - Throws: an ``SDPError`` that names the line. What is pasted then is a new one.
  mutating func take(_ line: String) throws -> Found? {
    let isEmpty = !line.contains { !$0.isWhitespace }
    if line.hasPrefix("v=0") || (isSkipping && isEmpty) { (lines, isSkipping) = ([], false) }
    if isSkipping || (lines.isEmpty && isEmpty) { return nil }
    if !isEmpty { lines.append(line) }
    do {
      try look(at: line)
      guard isEmpty || line.hasPrefix("a=end-of-candidates") else { return nil }
      return try found()
    } catch {
      (lines, isSkipping) = ([], !isEmpty)
      throw error
    }
  }

  /// What comes behind the last line.
  mutating func takeEnd() throws -> Found? { lines.isEmpty ? nil : try found() }

  /// What cannot be right any more is said at once.
  private func look(at line: String) throws {
    let count = lines.reduce(0) { $0 + $1.utf8.count + 1 }
    guard count <= SDPLimits.textBytes else { throw SDPError(line: 0, problem: .tooLong) }
    guard line.utf8.count <= SDPLimits.lineBytes else {
      throw SDPError(line: lines.count, problem: .lineTooLong)
    }
    let text = line.drop(while: \.isWhitespace)
    guard !text.isEmpty, !text.hasPrefix("candidate:") else { return }
    guard let type = text.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(type),
      text.dropFirst().hasPrefix("=")
    else { throw SDPError(line: lines.count, problem: .notSDP) }
  }

  private mutating func found() throws -> Found {
    let text = lines.joined(separator: "\n")
    let reading = try ICEDescription.reading(sdp: text, allowingLoopback: usesLoopback)
    guard !reading.description.candidates.isEmpty else {
      throw reading.refused.first ?? SDPError(line: 0, problem: .missing("candidate"))
    }
    var key: PeerID?
    for (place, line) in lines.enumerated() where line.hasPrefix(Self.keyAttribute) {
      key = PeerID(String(line.dropFirst(Self.keyAttribute.count).prefix { !$0.isWhitespace }))
      guard key != nil else {
        throw SDPError(
          line: place + 1, problem: .malformed(attribute: "warren-key", why: "is no key: paste all of it"))
      }
    }
    lines = []
    return Found(description: reading.description, refused: reading.refused, key: key)
  }
}

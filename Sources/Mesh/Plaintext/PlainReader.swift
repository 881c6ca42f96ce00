import WarrenMachine

/// Finds lines, and messages of bytes, in what arrives.
///
/// Nothing is kept beyond a line, or a message of permitted size; and of that no more than has arrived.
package struct PlainReader {
  package enum Piece: Hashable, Sendable {
    /// A line without its end, and without white space at either side, as the original reads it. What is no UTF-8 is replaced.
    case line(String)
    case bytes([UInt8])
  }

  /// How long a line may be.
  package var lineLimit: Int
  private let messageLimit: Int
  private var buffer: [UInt8] = []
  /// Up to where the buffer has been read, and up to where it has no end of a line.
  private var start = 0
  private var searched = 0
  /// What has come of a message of bytes, and how much of it has not.
  private var message: [UInt8] = []
  private var missing: Int?

  /// - Parameter messageLimit: how large a message of bytes may be.
  package init(messageLimit: Int, lineLimit: Int = PlainLimits.lineBytes) {
    self.messageLimit = messageLimit
    self.lineLimit = lineLimit
  }

  /// How many bytes wait to be read.
  package var unread: Int { buffer.count - start }

  package mutating func append(_ bytes: [UInt8]) {
    if start == buffer.count {
      buffer = bytes
    } else {
      buffer.removeFirst(start)
      buffer += bytes
    }
    searched -= start
    start = 0
    if searched < 0 { searched = 0 }
  }

  /// What follows is a message of so many bytes.
  package mutating func expect(bytes count: Int) throws(PlainError) {
    guard count >= 0 else {
      throw PlainError(.nonsense, "a message of \(count) bytes was announced, which cannot be")
    }
    guard count <= messageLimit else {
      throw PlainError(
        .tooLarge,
        "a message of \(count) bytes was announced, and at most \(messageLimit) are taken: send less at a time"
      )
    }
    missing = count
  }

  /// The next piece, once it is there as a whole.
  package mutating func next() throws(PlainError) -> Piece? {
    if let missing {
      let taken = min(missing, unread)
      message += buffer[start..<(start + taken)]
      start += taken
      searched = start
      self.missing = missing - taken
      guard taken == missing else { return nil }
      defer { (message, self.missing) = ([], nil) }
      return .bytes(message)
    }
    guard let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
      searched = buffer.count
      try check(unread)
      return nil
    }
    try check(end - start)
    let line = String(decoding: buffer[start..<end], as: UTF8.self)
    start = end + 1
    searched = start
    return .line(line.withoutOuterSpace)
  }

  private func check(_ count: Int) throws(PlainError) {
    guard count <= lineLimit else {
      throw PlainError(.tooLarge, "a line has more than \(lineLimit) bytes: send what is longer as bytes")
    }
  }
}

extension String {
  /// Without white space at either side, by Unicode's definition, which is the original's too.
  package var withoutOuterSpace: String {
    let scalars = unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    if first == scalars.startIndex, scalars.index(after: last) == scalars.endIndex { return self }
    return String(scalars[first...last])
  }

  /// Whether it begins with these very bytes: to Swift, a colon with an accent is another letter.
  func hasBytes(_ beginning: StaticString) -> Bool {
    beginning.withUTF8Buffer { utf8.starts(with: $0) }
  }

  /// What follows so many bytes.
  func droppingBytes(of beginning: StaticString) -> String {
    String(decoding: utf8.dropFirst(beginning.utf8CodeUnitCount), as: UTF8.self)
  }
}

/// Messages in the bytes of a stream: each is text in UTF-8 behind its length, four bytes, the highest first. An empty one says nothing:
/// it begins a conversation.
struct ChatFrames {
  private static let headBytes = 4
  private var bytes: ArraySlice<UInt8> = []

  /// What goes on a stream for a message.
  static func frame(_ text: String) throws(ChatError) -> [UInt8] {
    let count = text.utf8.count
    guard count <= ChatLimits.textBytes else { throw .tooLong(count) }
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + text.utf8
  }

  /// Takes what has come, of which the messages are then asked for.
  mutating func take(_ more: [UInt8]) { bytes = bytes.isEmpty ? more[...] : Array(bytes)[...] + more }

  /// The next message that is whole. Its length is looked at before the rest is waited for.
  mutating func next() throws(ChatError) -> String? {
    guard bytes.count >= Self.headBytes else { return nil }
    let count = bytes.prefix(Self.headBytes).reduce(0) { $0 << 8 | Int($1) }
    guard count <= ChatLimits.textBytes else { throw .tooLong(count) }
    let body = bytes.dropFirst(Self.headBytes)
    guard body.count >= count else { return nil }
    guard let text = String(validating: body.prefix(count), as: UTF8.self) else { throw .notText }
    bytes = body.dropFirst(count)
    return text
  }
}

import Warren

/// How a stream begins: which conversation it is, and whom its caller believes to talk with.
struct Greeting {
  /// A question that is no part of a conversation.
  static let question = 0xFFFF_FFFF

  var number: Int
  var called: PeerID

  /// What it has in bytes.
  static let size = 4 + PeerID.byteCount

  var bytes: [UInt8] { withUnsafeBytes(of: UInt32(number).bigEndian) { Array($0) } + called.bytes }

  init(number: Int, called: PeerID) { (self.number, self.called) = (number, called) }

  init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.size, let peer = PeerID(bytes: bytes.span.bytes.extracting(4..<Self.size))
    else { return nil }
    number = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
    called = peer
  }
}

/// The sequence numbers of one direction (RFC 9293, 3.4).
///
/// Inside, a place in the stream is a position, which never wraps: the SYN has 0, the first byte 1, and the
/// FIN the one behind the last byte. Only here do positions become numbers modulo 2^32, and back.
struct TCPSequence: Hashable, Sendable {
  /// The number of the SYN.
  let initial: UInt32

  /// What a segment says for a position.
  func number(at position: Int) -> UInt32 { initial &+ UInt32(truncatingIfNeeded: position) }

  /// The position that a segment means: of all that share the number, the one nearest to `known`.
  func position(of number: UInt32, near known: Int) -> Int {
    known + Int(Int32(bitPattern: number &- self.number(at: known)))
  }
}

/// Finds the messages in a stream of bytes, where each one's header says how long it is (RFC 8489, 6.2.2).
public struct STUNStreamReader: Sendable {
  private var bytes: [UInt8] = []
  private var taken = 0

  /// A reader at the beginning of a stream.
  public init() {}

  /// Adds what has arrived.
  public mutating func append(_ more: some Collection<UInt8>) {
    bytes.removeFirst(taken)
    taken = 0
    bytes.append(contentsOf: more)
  }

  /// The next message, if all of it is there.
  ///
  /// - Throws: when what comes next is no STUN message, or claims to be larger than any needs to be: the stream is
  ///   then of no more use.
  public mutating func next() throws(STUNMessageError) -> [UInt8]? {
    guard bytes.count - taken >= STUNMessage.headerSize else { return nil }
    let rest = bytes[taken...]
    let first = rest.startIndex
    let size = STUNMessage.headerSize + Int(rest[first + 2]) << 8 + Int(rest[first + 3])
    guard
      rest[first..<first + STUNMessage.headerSize].withUnsafeBytes({
        STUNMessage.mayBegin(RawSpan(_unsafeBytes: $0))
      })
    else { throw .notSTUN }
    guard size <= STUNLimits.messageOnStream, size % 4 == 0 else { throw .wrongLength }
    guard rest.count >= size else { return nil }
    taken += size
    return Array(rest[first..<first + size])
  }
}

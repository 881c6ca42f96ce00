import WarrenMachine
import WarrenSTUN

/// Finds messages and what channels carry in a stream of bytes, one after the other (RFC 8656, 12.5).
struct RelayStreamReader {
  private var bytes: [UInt8] = []
  private var taken = 0
  /// Which channels there may be.
  var numbers = ChannelData.numbers

  /// Bytes that wait to be read.
  var count: Int { bytes.count - taken }

  /// Adds what has arrived.
  mutating func append(_ more: some Collection<UInt8>) {
    if taken == bytes.count {
      bytes.removeAll(keepingCapacity: true)
    } else {
      bytes.removeFirst(taken)
    }
    taken = 0
    bytes.append(contentsOf: more)
  }

  /// Takes out what nobody has looked at yet.
  mutating func takeRest() -> [UInt8] {
    defer { (bytes, taken) = ([], 0) }
    return Array(bytes[taken...])
  }

  /// Calls `body` with each whole STUN message or ChannelData, without its padding, until there is no other or `body` is no
  /// longer interested.
  ///
  /// - Throws: when what comes next is neither, or claims to be larger than any needs to be: the stream is then of no more use.
  mutating func forEach(_ body: (RawSpan) -> Bool) throws(STUNMessageError) {
    while count >= ChannelData.headerSize {
      let (size, padded) = try next()
      guard count >= padded else { return }
      let isInterested = body(bytes.span.bytes.extracting(taken..<taken + size))
      taken += padded
      guard isInterested else { return }
    }
  }

  /// How long what comes next is, without and with its padding.
  private func next() throws(STUNMessageError) -> (size: Int, padded: Int) {
    let rest = bytes.span.bytes.extracting(droppingFirst: taken)
    let length = Int(rest.number(at: 2, as: UInt16.self))
    if ChannelData.mayBegin(bytes[taken], numbers: numbers) {
      let size = ChannelData.headerSize + length
      return (size, (size + 3) & ~3)
    }
    // A message that may hold what is carried, and that is not longer than ChannelData of the same could be.
    guard bytes[taken] < 4 else { throw .notSTUN }
    let size = STUNMessage.headerSize + length
    guard size % 4 == 0 else { throw .wrongLength }
    return (size, size)
  }
}

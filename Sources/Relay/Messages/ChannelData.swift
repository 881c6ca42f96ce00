import WarrenMachine

/// What is carried under a channel's number, with four bytes before it (RFC 8656, 12.4).
public struct ChannelData: ~Escapable {
  /// Bytes before what is carried.
  public static let headerSize = 4
  /// The numbers that a channel may have (RFC 8656, 12).
  public static let numbers: ClosedRange<UInt16> = 0x4000...0x4FFF
  /// Those that it could have once (RFC 5766, 11), when ports were not shared with QUIC and DTLS.
  public static let oldNumbers: ClosedRange<UInt16> = 0x4000...0x7FFE

  /// The channel that it belongs to.
  public let channel: UInt16
  /// What is carried.
  public let payload: RawSpan

  /// What a datagram carries, if it is of this kind; bytes behind it are padding, and passed over (RFC 8656, 12.5).
  @_lifetime(copy bytes)
  public init?(_ bytes: RawSpan, numbers: ClosedRange<UInt16> = Self.numbers) {
    guard bytes.byteCount >= Self.headerSize else { return nil }
    channel = bytes.number(at: 0, as: UInt16.self)
    let length = Int(bytes.number(at: 2, as: UInt16.self))
    guard numbers.contains(channel), bytes.byteCount - Self.headerSize >= length else { return nil }
    payload = bytes.extracting(Self.headerSize..<Self.headerSize + length)
  }

  /// Whether bytes that begin so may be of this kind, and not STUN (RFC 8656, 12.4).
  public static func mayBegin(_ first: UInt8, numbers: ClosedRange<UInt16> = Self.numbers) -> Bool {
    first >= 0x40 && first <= UInt8(numbers.upperBound >> 8)
  }
}

extension OutputRawSpan {
  /// Writes what stands before `count` bytes that a channel carries.
  @_lifetime(self: copy self)
  public mutating func appendChannelHeader(_ channel: UInt16, count: Int) {
    append(number: channel)
    append(number: UInt16(count))
  }
}

extension [UInt8] {
  /// Writes what a channel carries over a stream, where it is padded to four bytes (RFC 8656, 12.5).
  mutating func append(channel: UInt16, _ payload: RawSpan) {
    let count = payload.byteCount
    append(UInt8(channel >> 8))
    append(UInt8(truncatingIfNeeded: channel))
    append(UInt8(count >> 8))
    append(UInt8(truncatingIfNeeded: count))
    payload.withUnsafeBytes { append(contentsOf: $0) }
    for _ in 0..<(-count & 3) { append(0) }
  }
}

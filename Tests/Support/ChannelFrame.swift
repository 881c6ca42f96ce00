/// What a relay's channel carries, with what stands before it (RFC 8656, 12.4): written here once more, so that what the library
/// writes is not held against itself.
///
/// - Parameter padded: whether to four bytes, as over a stream.
public func channelFrame(_ number: UInt16, _ payload: [UInt8], padded: Bool) -> [UInt8] {
  let numbers = [number, UInt16(payload.count)]
  let bytes = numbers.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] } + payload
  return bytes + Array(repeating: 0, count: padded ? -payload.count & 3 : 0)
}

/// Reads numbers and texts one after the other; beyond the end it reads zeros, and remembers that it did.
package struct WireReader: ~Escapable {
  private let bytes: RawSpan
  private var place = 0
  /// Whether more was asked for than there is: what was read is worth nothing then.
  package private(set) var isOverrun = false

  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan) { self.bytes = bytes }

  /// Whether everything was read, and no more.
  package var isAtEnd: Bool { !isOverrun && place == bytes.byteCount }

  /// A number as networks write it.
  package mutating func take<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type = Number.self)
    -> Number
  {
    let size = MemoryLayout<Number>.size
    guard has(size) else { return 0 }
    defer { place += size }
    return bytes.number(at: place, as: Number.self)
  }

  /// So many bytes.
  package mutating func take(count: Int) -> [UInt8] {
    guard has(count) else { return [] }
    defer { place += count }
    return bytes.extracting(place..<place + count).withUnsafeBytes { Array($0) }
  }

  /// A text behind its length in two bytes.
  package mutating func takeText(atMost limit: Int = 256) -> String {
    let count = Int(take(UInt16.self))
    if count > limit { isOverrun = true }
    return String(decoding: take(count: count), as: UTF8.self)
  }

  private mutating func has(_ count: Int) -> Bool {
    if isOverrun || bytes.byteCount - place < count { isOverrun = true }
    return !isOverrun
  }
}

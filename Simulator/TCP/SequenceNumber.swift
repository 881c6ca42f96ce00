/// A place in a TCP stream, counted around 32 bits (RFC 9293, 3.4).
struct SequenceNumber: Hashable {
  var value: UInt32

  init(_ value: UInt32) { self.value = value }

  static func + (left: SequenceNumber, right: Int) -> SequenceNumber {
    SequenceNumber(left.value &+ UInt32(truncatingIfNeeded: right))
  }

  /// How far `left` is behind `right`: negative when it is before it.
  static func - (left: SequenceNumber, right: SequenceNumber) -> Int {
    Int(Int32(bitPattern: left.value &- right.value))
  }

  static func < (left: SequenceNumber, right: SequenceNumber) -> Bool { left - right < 0 }
  static func <= (left: SequenceNumber, right: SequenceNumber) -> Bool { left - right <= 0 }
  static func > (left: SequenceNumber, right: SequenceNumber) -> Bool { left - right > 0 }
  static func >= (left: SequenceNumber, right: SequenceNumber) -> Bool { left - right >= 0 }
}

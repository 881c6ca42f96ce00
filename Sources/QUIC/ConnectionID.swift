import CQUIC

/// By what packets say which connection they belong to (RFC 9000, 5.1).
struct ConnectionID: Hashable {
  private let high: UInt64
  private let low: UInt64
  private let tail: UInt32
  private let count: UInt8

  /// One of ours, from where it stands in a packet.
  init(own bytes: UnsafeRawPointer) {
    high = bytes.loadUnaligned(as: UInt64.self)
    low = 0
    tail = 0
    count = UInt8(QUICLimits.idBytes)
  }

  init(_ id: cquic_id) {
    var (high, low, tail) = (UInt64(0), UInt64(0), UInt32(0))
    // What lies behind an id's end is nobody's.
    withUnsafeBytes(of: id.bytes) { bytes in
      for place in 0..<min(Int(id.count), 20) {
        switch place {
        case 0..<8: withUnsafeMutableBytes(of: &high) { $0[place] = bytes[place] }
        case 8..<16: withUnsafeMutableBytes(of: &low) { $0[place - 8] = bytes[place] }
        default: withUnsafeMutableBytes(of: &tail) { $0[place - 16] = bytes[place] }
        }
      }
    }
    (self.high, self.low, self.tail) = (high, low, tail)
    count = min(id.count, 20)
  }

  init(_ bytes: UnsafePointer<UInt8>, count: Int) {
    var id = cquic_id()
    id.count = UInt8(min(count, 20))
    withUnsafeMutableBytes(of: &id.bytes) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: Int(id.count)))
    }
    self.init(id)
  }

  /// For the library.
  var coded: cquic_id {
    var id = cquic_id()
    id.count = count
    withUnsafeMutableBytes(of: &id.bytes) { bytes in
      bytes.storeBytes(of: high, toByteOffset: 0, as: UInt64.self)
      bytes.storeBytes(of: low, toByteOffset: 8, as: UInt64.self)
      bytes.storeBytes(of: tail, toByteOffset: 16, as: UInt32.self)
    }
    return id
  }

  /// A new one of ours.
  init(using random: inout any RandomNumberGenerator) {
    high = random.next()
    low = 0
    tail = 0
    count = UInt8(QUICLimits.idBytes)
  }

  /// Its bytes in order.
  var bytes: [UInt8] {
    withUnsafeBytes(of: coded.bytes) { Array($0.prefix(Int(count))) }
  }
}

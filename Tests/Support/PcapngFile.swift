import Testing

/// A pcapng file, taken apart by somebody else than who has written it (draft-ietf-opsawg-pcapng).
public struct PcapngFile {
  /// A packet, where and when it was seen.
  public struct Sighting {
    public var interface: String
    /// In nanoseconds since 1970.
    public var time: UInt64
    public var bytes: [UInt8]
    public var number: UInt64?
    public var isOutgoing: Bool
    public var comment: String?
    /// How many blocks with secrets stand before it.
    public var secretsBefore: Int
  }

  public private(set) var comment: String?
  public private(set) var interfaces: [String] = []
  public private(set) var packets: [Sighting] = []
  public private(set) var secrets: [String] = []

  /// - Throws: where something is not as it must be.
  public init(_ bytes: [UInt8]) throws {
    var place = 0
    while place < bytes.count {
      let (type, length) = (Self.number(bytes, place, 4), Int(Self.number(bytes, place + 4, 4)))
      try #require(length % 4 == 0 && length >= 12 && place + length <= bytes.count)
      try #require(Self.number(bytes, place + length - 4, 4) == length)
      let body = Array(bytes[place + 8..<place + length - 4])
      try #require((type == 0x0A0D_0D0A) == (place == 0))
      switch type {
      case 0x0A0D_0D0A: try takeSection(body)
      case 1: try takeInterface(body)
      case 6: try takePacket(body)
      case 10: try takeSecrets(body)
      default: Issue.record("there is no block of type \(type)")
      }
      place += length
    }
  }

  private mutating func takeSection(_ body: [UInt8]) throws {
    try #require(Self.number(body, 0, 4) == 0x1A2B_3C4D && Self.number(body, 4, 4) == 1)
    try #require(Self.number(body, 8, 8) == .max)
    comment = try Self.options(body, from: 16)[1].map { String(decoding: $0, as: UTF8.self) }
  }

  private mutating func takeInterface(_ body: [UInt8]) throws {
    try #require(packets.isEmpty && Self.number(body, 0, 2) == 101)
    let options = try Self.options(body, from: 8)
    try #require(options[9] == [9])
    interfaces.append(String(decoding: try #require(options[2]), as: UTF8.self))
  }

  private mutating func takePacket(_ body: [UInt8]) throws {
    let (count, original) = (Int(Self.number(body, 12, 4)), Int(Self.number(body, 16, 4)))
    try #require(count == original && 20 + count <= body.count)
    let options = try Self.options(body, from: 20 + (count + 3) / 4 * 4)
    let flags = try #require(options[2])
    packets.append(
      Sighting(
        interface: interfaces[Int(Self.number(body, 0, 4))],
        time: Self.number(body, 4, 4) << 32 | Self.number(body, 8, 4), bytes: Array(body[20..<20 + count]),
        number: options[5].map { Self.number($0, 0, 8) }, isOutgoing: flags[0] & 3 == 2,
        comment: options[1].map { String(decoding: $0, as: UTF8.self) }, secretsBefore: secrets.count))
  }

  private mutating func takeSecrets(_ body: [UInt8]) throws {
    let count = Int(Self.number(body, 4, 4))
    try #require(Self.number(body, 0, 4) == 0x544C_534B && (count + 3) / 4 * 4 + 8 == body.count)
    secrets.append(String(decoding: body[8..<8 + count], as: UTF8.self))
  }

  private static func options(_ body: [UInt8], from start: Int) throws -> [UInt64: [UInt8]] {
    var (found, place) = ([UInt64: [UInt8]](), start)
    while place < body.count {
      let (code, count) = (number(body, place, 2), Int(number(body, place + 2, 2)))
      try #require(place + 4 + count <= body.count && found[code] == nil)
      if code == 0 { try #require(count == 0 && place + 4 == body.count) }
      found[code] = Array(body[place + 4..<place + 4 + count])
      place += 4 + (count + 3) / 4 * 4
    }
    return found
  }

  private static func number(_ bytes: [UInt8], _ place: Int, _ count: Int) -> UInt64 {
    bytes[place..<place + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

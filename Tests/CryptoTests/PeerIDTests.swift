import Foundation
import TestSupport
import Testing
import WarrenCrypto

@Suite("A peer's id")
struct PeerIDTests {
  /// The first key of RFC 8032, 7.1, as others write it.
  static let key = bytes(hex: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
  static let text = "25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkena"
  static let info = bytes(hex: "302a300506032b6570032100") + key

  static var id: PeerID { PeerID(bytes: key.span.bytes)! }

  // MARK: Bytes

  @Test("is 32 bytes, held without an allocation")
  func bytesOfIt() throws {
    #expect(MemoryLayout<PeerID>.size == 32 && _isPOD(PeerID.self))
    #expect(Self.id.bytes == Self.key)
    #expect(Self.id.withBytes { $0.withUnsafeBytes { Array($0) } } == Self.key)
    for count in [0, 1, 31, 33, 64] {
      #expect(PeerID(bytes: [UInt8](repeating: 1, count: count).span.bytes) == nil)
    }
  }

  @Test("lets errors through as they are")
  func withBytesThrows() {
    #expect(throws: PeerIDError.notCanonical) {
      try Self.id.withBytes { _ throws(PeerIDError) in throw .notCanonical }
    }
  }

  @Test("is in order of its bytes, the first one deciding first, and each one deciding")
  func order() {
    var random = SeededRandom(2)
    for place in 0..<32 {
      var lower = random.bytes(32)
      var higher = lower
      lower[place] = 0x7F
      higher[place] = 0x80
      // What follows says the opposite.
      for after in place + 1..<32 where place < 31 { (lower[after], higher[after]) = (255, 0) }
      let (left, right) = (PeerID(bytes: lower.span.bytes)!, PeerID(bytes: higher.span.bytes)!)
      #expect(left < right && !(right < left) && left != right)
      #expect(!(left < left) && Set([left, right, left]).count == 2)
    }
  }

  // MARK: Text

  @Test("is written as others write it, and read")
  func knownText() throws {
    #expect(Self.id.description == Self.text && "\(Self.id)" == Self.text)
    #expect(try PeerID(reading: Self.text) == Self.id)
    #expect(PeerID(Self.text) == Self.id)
    #expect(Self.text.utf8.count == PeerID.textLength)
  }

  @Test("comes back from its text, its bytes and its DER, a thousand times")
  func roundTrips() throws {
    var random = SeededRandom(3)
    let characters = Set("abcdefghijklmnopqrstuvwxyz234567")
    for _ in 0..<1000 {
      let bytes = random.bytes(32)
      let id = PeerID(bytes: bytes.span.bytes)!
      let text = id.description
      guard id.bytes == bytes, text.count == 52, text.allSatisfy(characters.contains),
        try PeerID(reading: text) == id, PeerID(text) == id,
        PeerID(subjectPublicKeyInfo: id.subjectPublicKeyInfo.span.bytes) == id
      else {
        Issue.record("\(hex(bytes)) became \(text)")
        return
      }
    }
  }

  @Test(
    "refuses a text that is too short or too long", arguments: Array(0..<52) + [53, 54, 56, 60, 64, 1000])
  func length(count: Int) {
    let text = String(repeating: "a", count: count)
    #expect(throws: PeerIDError.length(count)) { try PeerID(reading: text) }
    #expect(PeerID(text) == nil)
    // Also where the last bits would be wrong in that length.
    let other = String(repeating: "b", count: count)
    #expect(throws: PeerIDError.length(count)) { try PeerID(reading: other) }
  }

  @Test(
    "refuses every other character, and says which and where",
    arguments: ["A", "0", "1", "8", "9", "=", " ", "\n", "\r\n", "\0", "-", "\u{E4}", "\u{FF41}", "a\u{301}"])
  func character(text: String) throws {
    let character = Character(text)
    for place in [0, 1, 25, 50, 51] {
      var characters = Array(Self.text)
      characters[place] = character
      let error = #expect(throws: PeerIDError.character(character, at: place)) {
        try PeerID(reading: String(characters))
      }
      #expect(PeerID(String(characters)) == nil)
      #expect(error?.description.contains("character \(place + 1) ") == true)
    }
    // Before and behind a right one, too.
    #expect(throws: PeerIDError.character(character, at: 0)) { try PeerID(reading: text + Self.text) }
    if !text.hasPrefix("a") {
      #expect(throws: PeerIDError.character(character, at: 52)) { try PeerID(reading: Self.text + text) }
    }
  }

  @Test("has one text only: of the 32 last characters, an a and a q are right")
  func canonical() throws {
    let start = String(Self.text.dropLast())
    for last in "abcdefghijklmnopqrstuvwxyz234567" {
      switch last {
      case "a": #expect(try PeerID(reading: start + "a") == Self.id)
      case "q":
        var key = Self.key
        key[31] |= 1
        #expect(try PeerID(reading: start + "q").bytes == key)
      default:
        #expect(throws: PeerIDError.notCanonical) { try PeerID(reading: start + String(last)) }
        #expect(PeerID(start + String(last)) == nil)
      }
    }
  }

  @Test("says what is wrong with a text, and leaves a terminal alone")
  func errors() {
    #expect(PeerIDError.length(40).description.contains("52 characters and this one 40"))
    #expect(PeerIDError.character("\u{1B}", at: 0).description.contains(#""\u{1B}""#))
    #expect(PeerIDError.notCanonical.description.contains("last character"))
  }

  @Test("is its text in JSON, and refused there with the reason")
  func codable() throws {
    let data = try JSONEncoder().encode([Self.id])
    #expect(String(decoding: data, as: UTF8.self) == "[\"\(Self.text)\"]")
    #expect(try JSONDecoder().decode([PeerID].self, from: data) == [Self.id])
    let wrong = Data("[\"\(Self.text)a\"]".utf8)
    let error = #expect(throws: DecodingError.self) { try JSONDecoder().decode([PeerID].self, from: wrong) }
    guard case .dataCorrupted(let context)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(context.debugDescription == PeerIDError.length(53).description)
  }

  // MARK: DER

  @Test("has the DER of RFC 8410, and is read from it")
  func subjectPublicKeyInfo() throws {
    #expect(Self.id.subjectPublicKeyInfo == Self.info)
    #expect(Self.info.count == PeerID.subjectPublicKeyInfoByteCount)
    #expect(PeerID(subjectPublicKeyInfo: Self.info.span.bytes) == Self.id)
  }

  @Test("is read from no other DER")
  func otherInfo() {
    // Among these are X25519 (6e) and Ed448 (71) instead of Ed25519 (70).
    for place in 0..<12 {
      for other in UInt8.min...UInt8.max where other != Self.info[place] {
        var info = Self.info
        info[place] = other
        #expect(PeerID(subjectPublicKeyInfo: info.span.bytes) == nil)
      }
    }
    for count in 0..<Self.info.count {
      #expect(PeerID(subjectPublicKeyInfo: Array(Self.info[..<count]).span.bytes) == nil)
    }
    #expect(PeerID(subjectPublicKeyInfo: (Self.info + [0]).span.bytes) == nil)
    #expect(PeerID(subjectPublicKeyInfo: Self.key.span.bytes) == nil)
  }

  // MARK: Signatures

  /// The third vector of RFC 8032, 7.1.
  static let signer = PeerID(
    bytes: bytes(hex: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025").span.bytes)!
  static let signature = bytes(
    hex: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
      + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")

  static func isSigned(_ message: [UInt8], _ signature: [UInt8], by id: PeerID = signer) -> Bool {
    id.isSigned(message.span.bytes, signature.span.bytes)
  }

  @Test("tells its signature from every one with a bit changed, a byte more and a byte less")
  func signatures() {
    #expect(Self.isSigned([0xAF, 0x82], Self.signature))
    for bit in 0..<512 {
      var changed = Self.signature
      changed[bit / 8] ^= 1 << (bit % 8)
      #expect(!Self.isSigned([0xAF, 0x82], changed), "bit \(bit)")
    }
    #expect(!Self.isSigned([0xAF, 0x82], Self.signature + [0]))
    #expect(!Self.isSigned([0xAF, 0x82], Array(Self.signature.dropLast())))
    #expect(!Self.isSigned([0xAF, 0x82], []))
    #expect(!Self.isSigned([0xAF, 0x82], [UInt8](repeating: 0, count: 64)))
  }

  @Test("tells what it signed from everything else, and itself from others")
  func messages() {
    for message: [UInt8] in [[], [0xAF], [0xAF, 0x83], [0x82, 0xAF], [0xAF, 0x82, 0]] {
      #expect(!Self.isSigned(message, Self.signature))
    }
    #expect(!Self.isSigned([0xAF, 0x82], Self.signature, by: Self.id))
  }

  @Test("takes a signature in one form only (RFC 8032, 5.1.7)")
  func malleable() {
    // The group's order added to the second half: the same equation holds.
    let order = bytes(hex: "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
    var other = Self.signature
    var carry = 0
    for place in 0..<32 {
      carry += Int(other[32 + place]) + Int(order[place])
      other[32 + place] = UInt8(carry & 255)
      carry >>= 8
    }
    #expect(carry == 0)
    #expect(!Self.isSigned([0xAF, 0x82], other))
  }

  @Test("that is no key is one that nobody signs for", arguments: [UInt8(2), 0xFF])
  func noKey(byte: UInt8) {
    // No point of the curve has the y of 2, and 2²⁵⁶ - 1 is no number of the field.
    let key = byte == 2 ? [2] + [UInt8](repeating: 0, count: 31) : [UInt8](repeating: byte, count: 32)
    let id = PeerID(bytes: key.span.bytes)!
    #expect(!Self.isSigned([0xAF, 0x82], Self.signature, by: id))
  }
}

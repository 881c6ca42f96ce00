import TestSupport
import Testing
import WarrenMachine

@testable import WarrenRelay

@Suite("A name server's answer")
struct DNSAnswerTests {
  static let service = DNSName("_turn._udp.example.org")!
  static let question = DNSQuestion(service: service, id: 0x1234)

  /// What dnsmasq 2.90 has answered.
  static let answer = hex(
    """
    123485800001000200000000055f7475726e045f756470076578616d706c65036f72670000210001c00c00210001000000000019000a
    00140d97056f74686572076578616d706c65036f726700c00c00210001000000000019000a003c0d960572656c6179076578616d706c
    65036f726700
    """)
  /// The same of more records than a datagram has room for, and of a name that nobody has.
  static let truncated = hex(
    "123487800001000000000000055f7475726e045f756470076578616d706c65036f72670000210001")
  static let nobody = hex("123481830001000000000000055f7475726e045f756470076578616d706c65036f72670000210001")

  static func hex(_ text: String) -> [UInt8] {
    let digits = text.filter(\.isHexDigit).map { UInt8($0.hexDigitValue!) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  static func read(_ bytes: [UInt8], _ question: DNSQuestion = question) -> DNSAnswer? {
    DNSAnswer(bytes.span.bytes, to: question)
  }

  static func record(_ priority: UInt16, _ weight: UInt16, _ port: UInt16, _ target: String) -> ServiceRecord
  {
    ServiceRecord(priority: priority, weight: weight, port: port, target: DNSName(target)!)
  }

  /// An answer with these records behind the question: owner, type, and data.
  static func answer(_ records: [(owner: [UInt8], type: UInt8, data: [UInt8])]) -> [UInt8] {
    var bytes = question.encoded
    bytes[2] = 0x81
    bytes[7] = UInt8(records.count & 0xFF)
    bytes[6] = UInt8(records.count >> 8)
    for record in records {
      bytes += record.owner + [0, record.type, 0, 1, 0, 0, 0, 9]
      bytes += [UInt8(record.data.count >> 8), UInt8(record.data.count & 0xFF)] + record.data
    }
    return bytes
  }

  /// The question's own name, by where it stands.
  static let own: [UInt8] = [0xC0, 12]
  static let port: [UInt8] = [0, 1, 0, 2, 0, 3]

  @Test("is asked for in the words of RFC 1035")
  func question() {
    #expect(
      Self.question.encoded
        == Self.hex("123401000001000000000000055f7475726e045f756470076578616d706c65036f72670000210001"))
    #expect(Self.question.framed == [0, 40] + Self.question.encoded)
  }

  @Test("says where a service is, that there is none, that it is too long, or that it was not found out")
  func answers() {
    #expect(
      Self.read(Self.answer)
        == .services([
          Self.record(10, 20, 3479, "other.example.org"), Self.record(10, 60, 3478, "relay.example.org"),
        ]))
    #expect(Self.read(Self.truncated) == .truncated)
    #expect(Self.read(Self.nobody) == .services([]))
    for code in [1, 2, 4, 5] as [UInt8] {
      var bytes = Self.nobody
      bytes[3] = 0x80 | code
      #expect(Self.read(bytes) == .refused(code))
    }
  }

  @Test("is one to this question and to no other")
  func others() throws {
    var other = Self.question
    other.id += 1
    #expect(Self.read(Self.answer, other) == nil)
    other = Self.question
    other.service = try #require(DNSName("_turn._tcp.example.org"))
    #expect(Self.read(Self.answer, other) == nil)
    other.service = try #require(DNSName("_TURN._udp.Example.ORG."))
    #expect(Self.read(Self.answer, other) != nil, "large letters are as good")
    // A question, another operation, another type, another class, two questions.
    for (place, value) in [(2, 0x05), (2, 0x8D), (37, 1), (39, 3), (5, 2), (5, 0)] as [(Int, UInt8)] {
      var bytes = Self.answer
      bytes[place] = value
      #expect(Self.read(bytes) == nil, "byte \(place)")
    }
  }

  @Test("follows aliases, but in no circle, and takes nobody else's records")
  func aliases() throws {
    let (alias, other) = (try #require(DNSName("a.example")), try #require(DNSName("b.example")))
    let here = Self.port + [1, 0x68, 0]
    let found = DNSAnswer.services([ServiceRecord(priority: 1, weight: 2, port: 3, target: DNSName("h")!)])
    #expect(Self.read(Self.answer([(Self.own, 33, here)])) == found)
    #expect(
      Self.read(
        Self.answer([
          (alias.encoded, 5, other.encoded), (other.encoded, 33, here), (Self.own, 5, alias.encoded),
        ])) == found)
    #expect(Self.read(Self.answer([(alias.encoded, 33, here)])) == .services([]))
    #expect(
      Self.read(Self.answer([(Self.own, 5, alias.encoded), (alias.encoded, 5, Self.service.encoded)]))
        == .services([]))
    // Others' types are passed over, whatever they say.
    #expect(Self.read(Self.answer([(Self.own, 46, [0xFF]), (Self.own, 33, here)])) == found)
    #expect(Self.read(Self.answer([(Self.own, 33, Self.port + [0])])) != .services([]), "there is none")
  }

  @Test("has names that end, whatever is said of where they go on")
  func names() {
    let label = [63] + [UInt8](repeating: 0x61, count: 63)
    let three = label + label + label
    let tooLong = three + [62] + [UInt8](repeating: 0x61, count: 62) + [0]
    let longest = three + [61] + [UInt8](repeating: 0x61, count: 61) + [0]
    let start = UInt8(Self.question.encoded.count + 12 + 6)
    let good: [[UInt8]] = [longest, [1, 0x62, 0xC0, 12], [0], [0xC0, 12]]
    let bad: [[UInt8]] = [
      tooLong, three + label + [0], [0xC0, start], [0xC0, start + 2], [0xFF, 0xFF], [0x40, 0], [0x80, 0],
      [5, 1, 2, 0],
      [], [0, 0], [0xC0], [1, 0],
    ]
    for (target, isName) in good.map({ ($0, true) }) + bad.map({ ($0, false) }) {
      let answer = Self.read(Self.answer([(Self.own, 33, Self.port + target)]))
      #expect((answer != nil) == isName, "\(target.prefix(8))")
    }
    // A stair of pointers, each of which leads to the one before.
    var bytes = [UInt8](repeating: 0, count: 1)
    for step in 0..<400 {
      bytes += [0xC0 | UInt8(max(0, 2 * step - 1) >> 8), UInt8(max(0, 2 * step - 1) & 0xFF)]
    }
    var place = bytes.count - 2
    #expect(DNSName(in: bytes.span.bytes, at: &place) == nil && place == bytes.count - 2)
    place = 2 * DNSLimits.pointers - 1
    #expect(DNSName(in: bytes.span.bytes, at: &place)?.isRoot == true && place == 2 * DNSLimits.pointers + 1)
  }

  @Test("is nothing that could be misread where it is cut, and does no harm where it is changed")
  func damaged() {
    for count in 0..<Self.answer.count { #expect(Self.read(Array(Self.answer.prefix(count))) == nil) }
    var random = SeededRandom(7)
    for _ in 0..<20_000 {
      var bytes = Self.answer
      for _ in 0...Int.random(in: 0...4, using: &random) {
        bytes[Int.random(in: 4..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      guard case .services(let records) = Self.read(bytes) else { continue }
      #expect(records.count <= 2)
    }
  }

  @Test("has no more records than are of use, the first of them, and is read no further than it must be")
  func many() {
    let all = (0..<1000).map { number -> (owner: [UInt8], type: UInt8, data: [UInt8]) in
      let (priority, high, low) = (UInt8(3 - number % 4), UInt8(number >> 8), UInt8(number & 0xFF))
      return (Self.own, 33, [priority, 0, 0, 0, high, low, 1, 0x68, 0])
    }
    guard case .services(let records) = Self.read(Self.answer(all)) else {
      Issue.record("nothing was read")
      return
    }
    #expect(records.count == DNSLimits.services && records.allSatisfy { $0.priority < 256 && $0.port < 256 })
  }

  @Test(
    "names no name that is none",
    arguments: [
      "", ".", "..", "a..b", "a b", "ä.de", "a/b", ".a", String(repeating: "a", count: 64),
      String(repeating: "a.", count: 128),
    ])
  func text(_ text: String) { #expect(DNSName(text) == nil) }

  @Test("puts what is first in front, and of equals each as often as its weight says")
  func order() {
    var random = SeededRandom(3)
    let records = [
      Self.record(2, 0, 1, "a"), Self.record(1, 0, 2, "a"), Self.record(1, 30, 3, "a"),
      Self.record(1, 70, 4, "a"),
    ]
    var first: [UInt16: Int] = [:]
    for _ in 0..<10_000 {
      let ordered = records.inOrder(using: &random)
      #expect(Set(ordered) == Set(records) && ordered.last?.port == 1)
      first[ordered[0].port, default: 0] += 1
    }
    #expect(abs(first[3]! - 3000) < 250 && abs(first[4]! - 6900) < 250 && first[2]! > 30, "\(first)")
  }
}

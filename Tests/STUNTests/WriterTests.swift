import TestSupport
import Testing
import WarrenMachine
import WarrenSTUN

@Suite("What is written")
struct WriterTests {
  @Test("has every method and class in its first two bytes as the RFC's figure wants them")
  func types() throws {
    let known: [(STUNClass, STUNMethod, UInt16)] = [
      (.request, .binding, 0x0001), (.indication, .binding, 0x0011), (.success, .binding, 0x0101),
      (.failure, .binding, 0x0111), (.request, .allocate, 0x0003), (.indication, .send, 0x0016),
      (.success, .channelBind, 0x0109), (.request, STUNMethod(rawValue: 0xFFF), 0x3EEF),
    ]
    for (messageClass, method, expected) in known {
      var writer = STUNMessageWriter()
      writer.begin(messageClass, method, TransactionID(1, 2))
      let message = try KeptMessage(writer)
      let bytes = message.bytes
      #expect(UInt16(bytes[0]) << 8 | UInt16(bytes[1]) == expected)
      #expect(message.messageClass == messageClass)
      #expect(message.method == method)
    }
  }

  @Test("is read as it was meant, whatever it is", arguments: 0..<200 as Range<UInt64>)
  func roundTrip(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let id = TransactionID(using: &random)
    let v4 = SocketAddress(IPAddress(v4: random.next()), port: random.next())
    let v6 = SocketAddress(IPAddress(v6: random.next(), random.next()), port: random.next())
    let (number, longNumber): (UInt32, UInt64) = (random.next(), random.next())
    let name = String(
      (0..<Int.random(in: 0...100, using: &random)).map { _ in "aé€𝄞".randomElement(using: &random)! })
    let code = STUNErrorCode(rawValue: .random(in: 300...699, using: &random))
    let key = STUNKey(bytes: random.bytes(20))
    let isSHA256 = Bool.random(using: &random)

    var writer = STUNMessageWriter(capacity: Int.random(in: 0...600, using: &random))
    writer.begin(.success, .allocate, id)
    writer.add(.xorMappedAddress, masked: v4)
    writer.add(.xorRelayedAddress, masked: v6)
    writer.add(.otherAddress, plain: v6)
    writer.add(.username, name)
    writer.add(code)
    writer.add(.lifetime, number)
    writer.add(.iceControlling, longNumber)
    writer.add(.useCandidate)
    writer.sign(with: key, isSHA256 ? .sha256 : .sha1)
    writer.addFingerprint()

    let message = try KeptMessage(writer)
    #expect(message.transactionID == id)
    #expect(message.mappedAddress == v4)
    #expect(message.maskedAddress(.xorRelayedAddress) == v6)
    #expect(message.plainAddress(.otherAddress) == v6)
    #expect(message.text(.username) == name)
    #expect(message.errorCode == code)
    #expect(message.number(.lifetime) == number)
    #expect(message.longNumber(.iceControlling) == longNumber)
    #expect(message.has(.useCandidate))
    #expect(message.hasFingerprint)
    #expect(message.isSigned(with: key))
    #expect(!message.isSigned(with: STUNKey(bytes: [1])))
  }

  @Test("names what was not understood")
  func unknown() throws {
    var writer = STUNMessageWriter()
    writer.begin(.request, .binding, TransactionID(1, 2))
    for type in [0x0006, 0x7001, 0x9000, 0x7002, 0x7003] as [UInt16] {
      writer.add(STUNAttribute(rawValue: type))
    }
    let bytes = writer.copy
    let request = try STUNMessage(bytes.span.bytes)
    let hasUnknown = request.hasUnknown { $0 == .username }
    #expect(hasUnknown)

    var answer = STUNMessageWriter(capacity: 20)
    answer.beginAnswer(.failure, to: request)
    answer.add(.unknownAttribute)
    answer.addUnknownAttributes(of: request) { $0 == .username }
    let message = try KeptMessage(answer)
    #expect(message.errorCode == .unknownAttribute)
    #expect(
      message.value(of: .unknownAttributes) == [0x70, 1, 0x70, 2, 0x70, 3])
  }

  @Test("by a password in either spelling is signed alike")
  func prepared() throws {
    // A composed letter and a decomposed one; a space that is none of ASCII's.
    var writer = STUNMessageWriter()
    writer.begin(.request, .binding, TransactionID(1, 2))
    writer.sign(with: STUNKey(password: "caf\u{E9}\u{A0}au lait"))
    let message = try KeptMessage(writer)
    #expect(message.isSigned(with: STUNKey(password: "cafe\u{301} au lait")))
  }
}

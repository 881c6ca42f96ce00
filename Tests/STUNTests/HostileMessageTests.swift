import TestSupport
import Testing
import WarrenMachine
import WarrenSTUN

@Suite("Bytes that only look like STUN")
struct HostileMessageTests {
  let key = STUNKey(password: "VOkJxbRl1RmTxUk/WvJxBt")

  @Test("are refused at every length that is not the message's")
  func truncated() throws {
    let whole = try fixture("rfc5769-2.1-request")
    for length in 0..<whole.count {
      let error = refusal(of: Array(whole[..<length]))
      #expect(error == (length < 20 ? .notSTUN : .wrongLength))
    }
    #expect(refusal(of: whole + [0, 0, 0, 0]) == .wrongLength)
    #expect(refusal(of: whole) == nil)
  }

  @Test("are refused when a bit of a message has changed")
  func changed() throws {
    let whole = try fixture("rfc5769-2.1-request")
    for place in 0..<whole.count * 8 {
      var bytes = whole
      bytes[place / 8] ^= 1 << (place % 8)
      // A change of the fingerprint's name leaves a message without one, behind a signature that nobody reads past.
      let error = refusal(of: bytes)
      guard error == nil else { continue }
      let message = try KeptMessage(bytes)
      #expect(!message.hasFingerprint)
    }
  }

  @Test("are refused when an attribute reaches beyond the end")
  func lengths() {
    var bytes = header(length: 8)
    bytes += [0x00, 0x06, 0x00, 0x05, 1, 2, 3, 4]
    #expect(refusal(of: bytes) == .attributeBeyondEnd)
    bytes[23] = 0xFF
    bytes[22] = 0xFF
    #expect(refusal(of: bytes) == .attributeBeyondEnd)
  }

  @Test("are refused when they hold thousands of attributes")
  func attributes() {
    let bytes = header(length: 16_000 * 4) + (0..<16_000).flatMap { _ in [0x80, 0x01, 0, 0] as [UInt8] }
    #expect(refusal(of: bytes) == .tooManyAttributes)
  }

  @Test("are not believed behind a signature")
  func behindSignature() throws {
    var writer = STUNMessageWriter()
    writer.begin(.request, .binding, TransactionID(1, 2))
    writer.add(.username, "a:b")
    writer.sign(with: key)
    writer.add(.useCandidate)
    writer.add(.priority, UInt32(7))
    let message = try KeptMessage(writer)
    #expect(message.isSigned(with: key))
    #expect(!message.has(.useCandidate))
    #expect(message.number(.priority) == nil)
  }

  @Test("count the first of two attributes of one name")
  func twice() throws {
    var writer = STUNMessageWriter()
    writer.begin(.request, .binding, TransactionID(1, 2))
    writer.add(.priority, UInt32(1))
    writer.add(.priority, UInt32(2))
    let message = try KeptMessage(writer)
    #expect(message.number(.priority) == 1)
  }

  @Test("are no values where an attribute has another size than its RFC says")
  func sizes() throws {
    for size in 0...40 {
      let value = [UInt8](repeating: 1, count: size)
      var writer = STUNMessageWriter()
      writer.begin(.success, .binding, TransactionID(1, 2))
      for attribute in [STUNAttribute.xorMappedAddress, .priority, .iceControlled, .errorCode] {
        writer.add(attribute, value.span.bytes)
      }
      let message = try KeptMessage(writer)
      #expect((message.number(.priority) != nil) == (size == 4))
      #expect((message.longNumber(.iceControlled) != nil) == (size == 8))
      // A value of ones is an IPv4 address.
      #expect((message.mappedAddress != nil) == (size == 8))
      #expect(message.errorCode == nil)
    }
  }

  @Test("are refused or read, never worse, whatever they are")
  func noise() {
    var random = SeededRandom(5)
    var accepted = 0
    for _ in 0..<20_000 {
      var bytes = random.bytes(Int.random(in: 0...30, using: &random) * 4)
      if bytes.count >= 20 {
        bytes.replaceSubrange(0..<8, with: [0, 1, 0, UInt8(bytes.count - 20), 0x21, 0x12, 0xA4, 0x42])
        var place = 20
        // Mostly plausible lengths, so that the walk gets somewhere.
        while place + 4 <= bytes.count {
          bytes[place] = 0
          bytes[place + 1] &= 0x3F
          bytes[place + 2] = 0
          bytes[place + 3] &= 15
          place += 4 + (Int(bytes[place + 3]) + 3) & ~3
        }
      }
      if refusal(of: bytes) == nil { accepted += 1 }
    }
    #expect(accepted > 1000)
  }

  private func header(length: Int) -> [UInt8] {
    [0, 1, UInt8(length >> 8), UInt8(length & 255), 0x21, 0x12, 0xA4, 0x42] + [UInt8](repeating: 9, count: 12)
  }

  /// Why `bytes` are no message; nil when they are one, and all that can be asked of it has been asked.
  private func refusal(of bytes: [UInt8]) -> STUNMessageError? {
    do throws(STUNMessageError) {
      let message = try KeptMessage(bytes)
      _ = (
        message.mappedAddress, message.errorCode, message.text(.username), message.isSigned(with: key)
      )
      _ = (message.number(.priority), message.longNumber(.iceControlled), message.plainAddress(.otherAddress))
      return nil
    } catch {
      return error
    }
  }
}

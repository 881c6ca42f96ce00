import Testing
import WarrenMachine
import WarrenSTUN

/// RFC 5769's vectors, and that of RFC 8489: read, verified, and written again.
@Suite("The test vectors of the RFCs")
struct VectorTests {
  static let password = "VOkJxbRl1RmTxUk/WvJxBt"
  static let matrix = "\u{30DE}\u{30C8}\u{30EA}\u{30C3}\u{30AF}\u{30B9}"

  @Test("2.1: the request is read, and its signature verified")
  func request() throws {
    let bytes = try fixture("rfc5769-2.1-request")
    let message = try KeptMessage(bytes)
    #expect(message.messageClass == .request)
    #expect(message.method == .binding)
    #expect(message.transactionID == TransactionID(0xb7e7_a701, 0xbc34_d686_fa87_dfae))
    #expect(message.text(.software) == "STUN test client")
    #expect(message.number(.priority) == 0x6e00_01ff)
    #expect(message.longNumber(.iceControlled) == 0x932f_f9b1_5126_3b36)
    #expect(message.text(.username) == "evtj:h6vY")
    #expect(message.hasFingerprint)
    #expect(message.integrity == .sha1)
    #expect(message.isSigned(with: STUNKey(password: Self.password)))
    #expect(!message.isSigned(with: STUNKey(password: "another")))
  }

  @Test(
    "2.2 and 2.3: the responses are read, and written again byte for byte but for their padding",
    arguments: [
      ("rfc5769-2.2-ipv4-response", "192.0.2.1:32853"),
      ("rfc5769-2.3-ipv6-response", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ])
  func response(name: String, address: String) throws {
    let bytes = try fixture(name)
    let message = try KeptMessage(bytes)
    let expected = try SocketAddress(address)
    #expect(message.messageClass == .success)
    #expect(message.mappedAddress == expected)
    #expect(message.text(.software) == "test vector")
    #expect(message.isSigned(with: STUNKey(password: Self.password)))

    var writer = STUNMessageWriter()
    writer.begin(.success, .binding, message.transactionID)
    writer.add(.software, "test vector")
    writer.add(.xorMappedAddress, masked: expected)
    let beforeSignature = writer.byteCount
    writer.sign(with: STUNKey(password: Self.password))
    writer.addFingerprint()
    let written = writer.copy
    #expect(written.count == bytes.count)
    // The RFC pads the software's name with a space, this writer with 0 (RFC 8489, 14): so the signature differs.
    let same = (4..<beforeSignature).filter { written[$0] != bytes[$0] }
    #expect(same == [35])
    let again = try KeptMessage(written)
    #expect(again.isSigned(with: STUNKey(password: Self.password)))
  }

  @Test("2.4: the long-term request is verified, and written again byte for byte")
  func longTerm() throws {
    let bytes = try fixture("rfc5769-2.4-long-term-request")
    let message = try KeptMessage(bytes)
    #expect(message.text(.username) == Self.matrix)
    #expect(message.text(.realm) == "example.org")
    let key = STUNKey(username: Self.matrix, realm: "example.org", password: "TheMatrIX")
    #expect(message.isSigned(with: key))

    var writer = STUNMessageWriter()
    writer.begin(.request, .binding, message.transactionID)
    writer.add(.username, Self.matrix)
    writer.add(.nonce, "f//499k954d6OL34oL9FSTvy64sA")
    writer.add(.realm, "example.org")
    writer.sign(with: key)
    #expect(writer.copy == bytes)
  }

  @Test("RFC 8489, B.1: SHA-256 and a hidden user name, written again byte for byte")
  func sha256() throws {
    let bytes = try fixture("rfc8489-b.1-sha256-request")
    let message = try KeptMessage(bytes)
    let key = STUNKey(username: Self.matrix, realm: "example.org", password: "TheMatrIX", algorithm: .sha256)
    #expect(message.integrity == .sha256)
    #expect(message.isSigned(with: key))
    let hash = userhash(username: Self.matrix, realm: "example.org")
    #expect(message.value(of: .userhash) == hash)

    var writer = STUNMessageWriter(capacity: 20)
    writer.begin(.request, .binding, message.transactionID)
    writer.add(.userhash, hash.span.bytes)
    writer.add(.nonce, "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA")
    writer.add(.realm, "example.org")
    writer.add(.passwordAlgorithm, UInt32(STUNPasswordAlgorithm.sha256.rawValue) << 16)
    writer.sign(with: key, .sha256)
    #expect(writer.copy == bytes)
  }
}

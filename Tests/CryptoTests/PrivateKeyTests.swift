import Glibc
import TestSupport
import Testing

@testable import WarrenCrypto

@Suite("A private key")
struct PrivateKeyTests {
  struct Vector: Sendable, CustomTestStringConvertible {
    let name: String
    let seed: String
    let key: String
    let message: [UInt8]
    let signature: String
    var testDescription: String { name }
  }

  /// Of RFC 8032, 7.1.
  static let vectors = [
    Vector(
      name: "TEST 1", seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      key: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", message: [],
      signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        + "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    Vector(
      name: "TEST 2", seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", message: [0x72],
      signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    Vector(
      name: "TEST 3", seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      key: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", message: [0xAF, 0x82],
      signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    Vector(
      name: "TEST SHA(abc)", seed: "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
      key: "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
      message: HashFunction.sha512.hash(Array("abc".utf8)),
      signature: "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        + "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"),
  ]

  static func key(_ seed: String) -> PrivateKey { PrivateKey(seed: bytes(hex: seed).span.bytes)! }

  @Test("signs as RFC 8032 says, twice the same", arguments: vectors)
  func vector(vector: Vector) {
    let key = Self.key(vector.seed)
    #expect(hex(key.peerID.bytes) == vector.key)
    #expect(hex(key.sign(vector.message.span.bytes)) == vector.signature)
    #expect(hex(key.sign(vector.message.span.bytes)) == vector.signature)
    #expect(PeerIDTests.isSigned(vector.message, bytes(hex: vector.signature), by: key.peerID))
  }

  @Test("signs nothing at all like an empty message")
  func nothing() {
    let key = Self.key(Self.vectors[0].seed)
    #expect(hex(key.sign(RawSpan())) == Self.vectors[0].signature)
    let signed = key.peerID.isSigned(RawSpan(), bytes(hex: Self.vectors[0].signature).span.bytes)
    #expect(signed)
  }

  @Test("is made of 32 bytes and no other number of them", arguments: [0, 1, 31, 33, 64])
  func length(count: Int) {
    #expect(PrivateKey(seed: [UInt8](repeating: 7, count: count).span.bytes) == nil)
  }

  @Test("is drawn from the chance that it is given, and from nothing else")
  func chance() {
    var (first, second, third) = (SeededRandom(1), SeededRandom(1), SeededRandom(2))
    let key = PrivateKey(using: &first)
    #expect(key.peerID == PrivateKey(using: &second).peerID)
    #expect(key.peerID != PrivateKey(using: &second).peerID)
    #expect(key.peerID != PrivateKey(using: &third).peerID)

    // Which bytes it draws may not change: a simulation's seeds would mean other peers.
    struct Counter: RandomNumberGenerator {
      var count: UInt64 = 0
      mutating func next() -> UInt64 {
        defer { count += 1 }
        return 0x0706_0504_0302_0100 + count * 0x0808_0808_0808_0808
      }
    }
    var counter = Counter()
    let drawn = PrivateKey(using: &counter)
    #expect(counter.count == 4)
    #expect(drawn.peerID == PrivateKey(seed: [UInt8](0..<32).span.bytes)?.peerID)
  }

  @Test("signs what its peer has said and no other has, a thousand times")
  func roundTrips() {
    var random = SeededRandom(4)
    var others = PrivateKey(using: &random).peerID
    var ids: Set<PeerID> = []
    for count in 0..<1000 {
      let key = PrivateKey(using: &random)
      let message = random.bytes(count)
      let signature = key.sign(message.span.bytes)
      guard signature.count == PeerID.signatureByteCount, ids.insert(key.peerID).inserted,
        key.peerID.isSigned(message.span.bytes, signature.span.bytes),
        !others.isSigned(message.span.bytes, signature.span.bytes)
      else {
        Issue.record("\(key) and \(count) bytes")
        return
      }
      others = key.peerID
    }
    // Among so many there are keys that begin or end with a zero, which some would leave out.
    #expect(ids.contains { $0.bytes[0] == 0 } && ids.contains { $0.bytes[31] == 0 })
  }

  @Test("signs the same on many threads at once")
  func threads() async {
    let vector = Self.vectors[2]
    let key = Self.key(vector.seed)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          (0..<200).allSatisfy { _ in hex(key.sign(vector.message.span.bytes)) == vector.signature }
        }
      }
      for await right in group { #expect(right) }
    }
  }

  @Test("makes the same secret for one purpose for ever, and another for another")
  func secrets() {
    // What peers and registries have told others that they would forget by: computed with Python's cryptography and hmac.
    let key = Self.key(Self.vectors[0].seed)
    #expect(
      hex(key.secret(for: "warren's peer forgets"))
        == "52a5010b83eab20b7c66bce0e3365790b44715c424b9e849d07a354e8733a1f2")
    #expect(
      hex(key.secret(for: "warren's registry forgets"))
        == "7b7c812c94abe8b6c9b024ee536be01e7698faa39eb13e58127955efbd3f3330")
  }

  // MARK: The secret

  struct Holder {
    let number = 1
    let key: PrivateKey
    let keys: [PrivateKey]
  }

  @Test("says whose it is and nothing of the secret, however it is printed")
  func printing() {
    let vector = Self.vectors[0]
    let key = Self.key(vector.seed)
    let whole = "PrivateKey(\(key.peerID))"
    #expect("\(key)" == whole && key.description == whole && key.debugDescription == whole)
    #expect(String(reflecting: key) == whole && String(describing: Optional(key)) == "Optional(\(whole))")
    #expect("\([key])" == "[\(whole)]")
    #expect(Mirror(reflecting: key).children.isEmpty && Mirror(reflecting: key).superclassMirror == nil)

    var texts = ["\(Holder(key: key, keys: [key]))", String(reflecting: Holder(key: key, keys: [key]))]
    var text = ""
    dump(key, to: &text)
    #expect(text == "- \(whole) #0\n")
    text = ""
    dump(Holder(key: key, keys: [key]), to: &text)
    texts.append(text)
    for text in texts {
      #expect(text.contains(whole))
      // Neither what holds the secret, nor where it is, nor any of its bytes as a list of numbers.
      for word in ["seed", "WipedBytes", "memory", "handle", "0x", "157", "9d61"] {
        #expect(!text.contains(word), "\(word) is in \(text)")
      }
    }
  }

  static let canLook = access("/proc/self/mem", R_OK) == 0

  @Test("takes its secret out of memory when it goes", .enabled(if: canLook, "no /proc/self/mem"))
  func wiping() async {
    // In a process of its own, which is small and quiet.
    await #expect(processExitsWith: .success) {
      let secret = Secret()
      #expect(secret.copies() == 0)
      var key: PrivateKey? = secret.key()
      let copies = secret.copies()
      #expect(key?.sign([1, 2, 3].span.bytes).count == 64)
      key = nil
      // Ours and GnuTLS's own at least. What GnuTLS has given back as it was stays or not, as the allocator likes.
      #expect(copies >= 2)
      #expect(secret.copies() <= copies - 2)
    }
  }

  @Test("is kept in memory that is wiped", .enabled(if: canLook, "no /proc/self/mem"))
  func wipedBytes() async {
    await #expect(processExitsWith: .success) {
      let secret = Secret()
      // In the middle of much: whoever is next to get memory there writes to its beginning.
      var bytes: WipedBytes? = WipedBytes(capacity: 1 << 16) { memory in
        Secret.write(to: memory, at: 1 << 15)
        return 1 << 15
      }
      #expect(secret.copies() == 1)
      #expect(bytes?.count == 1 << 15)
      bytes = nil
      #expect(secret.copies() == 0)
    }
  }
}

/// The bytes of one secret, and how often they are in this process's memory.
private final class Secret {
  static let number: UInt64 = 99
  private let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 32, alignment: 8)
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)

  init() { Self.write(to: bytes, at: 0) }

  static func write(to memory: UnsafeMutableRawBufferPointer, at start: Int) {
    var random = SeededRandom(Self.number)
    for place in stride(from: start, to: start + 32, by: 8) {
      memory.storeBytes(of: random.next().littleEndian, toByteOffset: place, as: UInt64.self)
    }
  }

  deinit {
    bytes.deallocate()
    buffer.deallocate()
  }

  func key() -> PrivateKey {
    var random = SeededRandom(Self.number)
    return PrivateKey(using: &random)
  }

  /// How often they are there, this one's own not counted.
  func copies() -> Int {
    let file = open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    var found: Set<UInt> = []
    for area in Self.areas() {
      var start = area.lowerBound
      // Each piece begins a little before the last one's end.
      while start + 32 <= area.upperBound {
        let length = min(buffer.count, Int(area.upperBound - start))
        let count = pread(file, buffer.baseAddress!, length, Int(start))
        guard count >= 32 else { break }
        var place = 0
        while place + 32 <= count,
          let hit = memchr(buffer.baseAddress! + place, Int32(bytes[0]), count - 31 - place)
        {
          if memcmp(hit, bytes.baseAddress!, 32) == 0 {
            found.insert(start + UInt(hit - buffer.baseAddress!))
          }
          place = hit - buffer.baseAddress! + 1
        }
        if count < length || start + UInt(count) >= area.upperBound { break }
        start += UInt(count) - 31
      }
    }
    memset(buffer.baseAddress!, 0, buffer.count)
    let mine = UInt(bitPattern: bytes.baseAddress!)
    let buffered = UInt(bitPattern: buffer.baseAddress!)
    return found.count { $0 != mine && !(buffered..<buffered + UInt(buffer.count)).contains($0) }
  }

  /// Where this process may write, but for what a sanitizer keeps for itself.
  private static func areas() -> [Range<UInt>] {
    guard let file = fopen("/proc/self/maps", "r") else { return [] }
    defer { fclose(file) }
    var areas: [Range<UInt>] = []
    var line = [CChar](repeating: 0, count: 4096)
    while fgets(&line, Int32(line.count), file) != nil {
      let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        .split(separator: " ")
      let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
      guard words[1].hasPrefix("rw"), ends.count == 2, ends[1] - ends[0] <= 256 << 20 else { continue }
      areas.append(ends[0]..<ends[1])
    }
    return areas
  }
}

import CGnuTLS

/// Who a peer is: its public key (Ed25519, RFC 8032), which only it can sign for.
///
/// Written as 52 characters of base32 in lower case, which fit into a host's name. Ids are in order of their
/// bytes, which is not the order of their texts.
public struct PeerID: Hashable, Sendable {
  /// How many bytes an id has.
  public static let byteCount = 32
  /// How many characters its text has.
  public static let textLength = 52
  /// How many bytes its ``subjectPublicKeyInfo`` has.
  public static let subjectPublicKeyInfoByteCount = 44
  /// How many bytes a signature has.
  public static let signatureByteCount = 64

  // The bytes in order, eight in each, the first one highest.
  private let first: UInt64
  private let second: UInt64
  private let third: UInt64
  private let fourth: UInt64

  /// The id of these 32 bytes; nil when there are more or less.
  ///
  /// Not every 32 bytes are a key, but all that follows is that nobody can sign for them.
  public init?(bytes: RawSpan) {
    guard bytes.byteCount == Self.byteCount else { return nil }
    first = bytes.word(at: 0)
    second = bytes.word(at: 8)
    third = bytes.word(at: 16)
    fourth = bytes.word(at: 24)
  }

  /// Lends the 32 bytes to `body`.
  public func withBytes<Value, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let words = (first.bigEndian, second.bigEndian, third.bigEndian, fourth.bigEndian)
    return try withUnsafeBytes(of: words) { bytes throws(Failure) in
      try body(RawSpan(_unsafeBytes: bytes))
    }
  }

  /// The 32 bytes.
  public var bytes: [UInt8] { withBytes { bytes in bytes.withUnsafeBytes { Array($0) } } }
}

extension PeerID: Comparable {
  private var words: (UInt64, UInt64, UInt64, UInt64) { (first, second, third, fourth) }

  /// Whether `left` comes first, byte by byte.
  public static func < (left: PeerID, right: PeerID) -> Bool {
    left.words < right.words
  }
}

// MARK: As text

extension PeerID: LosslessStringConvertible, CustomStringConvertible {
  /// The id that `text` spells; says what is wrong with one that spells none.
  public init(reading text: String) throws(PeerIDError) {
    let bytes: [UInt8]
    do {
      bytes = try Base32.bytes(of: text)
    } catch {
      if case .character(let character, let place) = error { throw .character(character, at: place) }
      throw text.utf8.count == Self.textLength ? .notCanonical : .length(text.utf8.count)
    }
    guard let id = PeerID(bytes: bytes.span.bytes) else { throw .length(text.utf8.count) }
    self = id
  }

  /// The id that `text` spells, if it spells one.
  public init?(_ text: String) { try? self.init(reading: text) }

  /// The 52 characters.
  public var description: String { withBytes { Base32.text(of: $0) } }
}

extension PeerID: Codable {
  /// Reads the text of an id.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    do {
      try self.init(reading: container.decode(String.self))
    } catch let error as PeerIDError {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
    }
  }

  /// Writes the id's text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

// MARK: As certificates and TLS have it

extension PeerID {
  // A SEQUENCE of the algorithm's SEQUENCE, with id-Ed25519 alone, and of a BIT STRING without unused bits.
  private static let subjectPublicKeyInfoHead: [UInt8] = [
    0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00,
  ]

  /// The key with its kind before it (RFC 8410, 4): what a raw public key is in TLS (RFC 7250).
  public var subjectPublicKeyInfo: [UInt8] { Self.subjectPublicKeyInfoHead + bytes }

  /// The id in the 44 bytes of a ``subjectPublicKeyInfo``; nil for all others, also for other keys in that form.
  public init?(subjectPublicKeyInfo: RawSpan) {
    let head = Self.subjectPublicKeyInfoHead
    guard subjectPublicKeyInfo.byteCount == head.count + Self.byteCount,
      subjectPublicKeyInfo.extracting(first: head.count).withUnsafeBytes({ $0.elementsEqual(head) })
    else { return nil }
    self.init(bytes: subjectPublicKeyInfo.extracting(droppingFirst: head.count))
  }
}

// MARK: Signatures

extension PeerID {
  /// Whether `signature` shows that this peer said `message`.
  public func isSigned(_ message: RawSpan, _ signature: RawSpan) -> Bool {
    guard signature.byteCount == Self.signatureByteCount else { return false }
    var key: gnutls_pubkey_t?
    precondition(gnutls_pubkey_init(&key) >= 0, "GnuTLS has no memory for a key")
    defer { gnutls_pubkey_deinit(key) }
    let imported = withBytes { bytes in
      withDatum(of: bytes) { gnutls_pubkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_ED25519, &$0, nil) }
    }
    guard imported >= 0 else { return false }
    return withDatum(of: message) { message in
      withDatum(of: signature) { signature in
        gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_EDDSA_ED25519, 0, &message, &signature) >= 0
      }
    }
  }
}

/// Lends `bytes` to GnuTLS, which does not change them although it asks for them so.
func withDatum<Value>(of bytes: RawSpan, _ body: (inout gnutls_datum_t) -> Value) -> Value {
  bytes.withUnsafeBytes { bytes in
    let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: UInt8.self)
    var datum = gnutls_datum_t(data: start, size: UInt32(bytes.count))
    return body(&datum)
  }
}

extension RawSpan {
  func byte(at place: Int) -> UInt8 { unsafeLoad(fromByteOffset: place, as: UInt8.self) }

  /// The eight bytes at `place` as one number, the first one highest.
  fileprivate func word(at place: Int) -> UInt64 {
    UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: place, as: UInt64.self))
  }
}

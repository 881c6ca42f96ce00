import CGnuTLS

/// The forms in which others keep an Ed25519 key: PKCS #8 (RFC 8410, 7), and that as text (PEM, RFC 7468, 10).
///
/// Written and read here and not by GnuTLS, which leaves what it has read in memory that it has given back.
enum KeyEncoding {
  // A SEQUENCE of the version 0, the algorithm's SEQUENCE with id-Ed25519 alone, and an OCTET STRING that holds
  // the OCTET STRING of the seed.
  private static let head: [UInt8] = [
    0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
  ]
  // Divisible by three: base64 needs no padding for it.
  private static let pkcs8ByteCount = head.count + PrivateKey.seedByteCount
  private static let base64Length = pkcs8ByteCount / 3 * 4
  private static let begin = Array("-----BEGIN PRIVATE KEY-----".utf8)
  private static let end = Array("-----END PRIVATE KEY-----".utf8)

  /// The 48 bytes of the key that follows from `seed`.
  static func pkcs8(of seed: WipedBytes) -> WipedBytes {
    WipedBytes(capacity: pkcs8ByteCount) { key in
      key.copyBytes(from: head)
      seed.withBytes { seed in
        seed.withUnsafeBytes {
          UnsafeMutableRawBufferPointer(rebasing: key[head.count...]).copyMemory(from: $0)
        }
      }
      return pkcs8ByteCount
    }
  }

  /// The same as text, as `openssl genpkey` writes it.
  static func pem(of seed: WipedBytes) -> WipedBytes {
    let newline = UInt8(ascii: "\n")
    let length = begin.count + 1 + base64Length + 1 + end.count + 1
    return WipedBytes(capacity: length) { text in
      var place = 0
      func write(_ character: UInt8) {
        text[place] = character
        place += 1
      }
      for character in begin + [newline] { write(character) }
      pkcs8(of: seed).withBytes { key in
        for group in stride(from: 0, to: pkcs8ByteCount, by: 3) {
          let bits = (0..<3).reduce(0) { $0 << 8 | Int(key.byte(at: group + $1)) }
          for shift in [18, 12, 6, 0] { write(Base64.alphabet[bits >> shift & 63]) }
        }
      }
      for character in [newline] + end + [newline] { write(character) }
      return place
    }
  }

  /// The seed in the first key of `text`, if that is one of Ed25519 in PKCS #8; whatever stands around it is
  /// explanation (RFC 7468, 2).
  static func seed(inPEM text: RawSpan) -> WipedBytes? {
    text.withUnsafeBytes { text in
      guard let begin = text.firstRange(of: begin) else { return nil }
      let rest = text[begin.upperBound...]
      guard let end = rest.firstRange(of: end),
        let key = pkcs8(inBase64: rest[..<end.lowerBound])
      else { return nil }
      return seed(inPKCS8: key)
    }
  }

  private static func seed(inPKCS8 key: WipedBytes) -> WipedBytes? {
    key.withBytes { key in
      key.withUnsafeBytes { key in
        guard key.starts(with: head) else { return nil }
        return WipedBytes(capacity: PrivateKey.seedByteCount) { seed in
          seed.copyMemory(from: UnsafeRawBufferPointer(rebasing: key[head.count...]))
          return PrivateKey.seedByteCount
        }
      }
    }
  }

  /// The bytes that `text` spells, if they are as many as a key of ours has.
  private static func pkcs8(inBase64 text: Slice<UnsafeRawBufferPointer>) -> WipedBytes? {
    let key = WipedBytes(capacity: pkcs8ByteCount) { key in
      var bits = 0
      var length = 0
      for character in text where !isSpace(character) {
        guard length < base64Length, let value = Base64.value(of: character) else { return 0 }
        bits = bits << 6 & 0xFF_FFFF | value
        length += 1
        if length % 4 == 0 {
          let place = length / 4 * 3
          for back in 1...3 { key[place - back] = UInt8(truncatingIfNeeded: bits >> (8 * (back - 1))) }
        }
      }
      return length == base64Length ? pkcs8ByteCount : 0
    }
    return key.count == pkcs8ByteCount ? key : nil
  }

  private static func isSpace(_ character: UInt8) -> Bool {
    [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n")].contains(character)
  }
}

// MARK: What is no key of ours

extension KeyEncoding {
  /// What a text holds that has no key of ours.
  enum Other: Equatable {
    /// A key that only a password opens.
    case encrypted
    /// A key of this other kind.
    case otherKind(String)
    /// Nothing that is known to be a key.
    case unknown
  }

  /// What `text` holds, for saying why it cannot be used.
  static func other(inPEM text: RawSpan) -> Other {
    var key: gnutls_x509_privkey_t?
    precondition(gnutls_x509_privkey_init(&key) >= 0, "GnuTLS has no memory for a key")
    defer { gnutls_x509_privkey_deinit(key) }
    let code = withDatum(of: text) {
      gnutls_x509_privkey_import2(key, &$0, GNUTLS_X509_FMT_PEM, nil, GNUTLS_PKCS_PLAIN.rawValue)
    }
    if code == GNUTLS_E_DECRYPTION_FAILED { return .encrypted }
    guard code >= 0 else { return .unknown }
    let kind = gnutls_pk_algorithm_t(UInt32(bitPattern: gnutls_x509_privkey_get_pk_algorithm(key)))
    // An Ed25519 key in a form that nobody writes is better refused than guessed at.
    guard kind != GNUTLS_PK_EDDSA_ED25519, let name = gnutls_pk_get_name(kind) else { return .unknown }
    return .otherKind(String(cString: name))
  }
}

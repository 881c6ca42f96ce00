import CGnuTLS

/// What makes a peer the one it says it is: the secret behind its ``PeerID`` (Ed25519, RFC 8032).
///
/// Nothing prints the secret, and its memory is wiped when the key goes; what GnuTLS copies while it takes the key
/// apart is the exception, and is soon used for something else.
///
/// `@unchecked Sendable`, since nothing of it changes, and GnuTLS only reads a key that it signs with.
public final class PrivateKey: @unchecked Sendable {
  /// How many bytes a seed has, from which everything else of a key follows.
  public static let seedByteCount = 32

  /// Who has this key.
  public let peerID: PeerID
  let seed: WipedBytes
  private let handle: gnutls_privkey_t

  init(seed: WipedBytes) {
    self.seed = seed
    (handle, peerID) = Self.handle(of: seed)
  }

  deinit { gnutls_privkey_deinit(handle) }

  /// A new key, drawn from a machine's chance: `var random = machine.random`, then `PrivateKey(using: &random)`.
  ///
  /// Whoever can foresee the chance has the key.
  public convenience init(using random: inout some RandomNumberGenerator) {
    self.init(seed: Self.newSeed(using: &random))
  }

  /// The key that follows from these 32 bytes, which must be as secret as it; nil when there are more or less.
  public convenience init?(seed: RawSpan) {
    guard seed.byteCount == Self.seedByteCount else { return nil }
    self.init(
      seed: WipedBytes(capacity: Self.seedByteCount) { copy in
        seed.withUnsafeBytes { copy.copyMemory(from: $0) }
        return Self.seedByteCount
      })
  }

  static func newSeed(using random: inout some RandomNumberGenerator) -> WipedBytes {
    WipedBytes(capacity: seedByteCount) { seed in
      random.fill(UnsafeMutableRawBufferPointer(rebasing: seed[..<seedByteCount]))
      return seedByteCount
    }
  }

  /// The signature of `message`: 64 bytes, always the same ones.
  public func sign(_ message: RawSpan) -> [UInt8] {
    var signature = gnutls_datum_t()
    let code = withDatum(of: message) {
      gnutls_privkey_sign_data2(handle, GNUTLS_SIGN_EDDSA_ED25519, 0, &$0, &signature)
    }
    defer { warren_gnutls_free(signature.data) }
    precondition(
      code >= 0 && signature.size == PeerID.signatureByteCount,
      "GnuTLS cannot sign with Ed25519: it may be switched off in this system's policy")
    return Array(UnsafeBufferPointer(start: signature.data, count: Int(signature.size)))
  }

  /// Lends GnuTLS's own form of the key to `body`, which may neither keep it nor give it to what would free it.
  package func withHandle<Value, Failure: Error>(
    _ body: (gnutls_privkey_t) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try withExtendedLifetime(self) { () throws(Failure) in try body(handle) }
  }

  /// GnuTLS's form of the key that follows from `seed`, and the public half of it.
  ///
  /// By way of PKCS #8: there GnuTLS computes the public half, while `gnutls_privkey_import_ecc_raw` believes
  /// whatever it is given as such, and a signature made with a wrong one gives the secret away.
  private static func handle(of seed: WipedBytes) -> (gnutls_privkey_t, PeerID) {
    var handle: gnutls_privkey_t?
    precondition(gnutls_privkey_init(&handle) >= 0, "GnuTLS has no memory for a key")
    let imported = KeyEncoding.pkcs8(of: seed).withBytes { bytes in
      withDatum(of: bytes) {
        gnutls_privkey_import_x509_raw(handle, &$0, GNUTLS_X509_FMT_DER, nil, GNUTLS_PKCS_PLAIN.rawValue)
      }
    }
    var publicKey: gnutls_pubkey_t?
    precondition(gnutls_pubkey_init(&publicKey) >= 0, "GnuTLS has no memory for a key")
    defer { gnutls_pubkey_deinit(publicKey) }
    var point = gnutls_datum_t()
    guard let handle, imported >= 0,
      gnutls_pubkey_import_privkey(publicKey, handle, 0, 0) >= 0,
      gnutls_pubkey_export_ecc_raw2(publicKey, nil, &point, nil, 0) >= 0
    else {
      preconditionFailure("GnuTLS cannot use Ed25519: it may be switched off in this system's policy")
    }
    defer { warren_gnutls_free(point.data) }
    let bytes = UnsafeRawBufferPointer(start: point.data, count: Int(point.size))
    guard let peerID = PeerID(bytes: RawSpan(_unsafeBytes: bytes)) else {
      preconditionFailure("GnuTLS gave \(point.size) bytes as a public key of Ed25519")
    }
    return (handle, peerID)
  }
}

extension PrivateKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Whose key it is, and nothing of the secret.
  public var description: String { "PrivateKey(\(peerID))" }
  /// Whose key it is, and nothing of the secret.
  public var debugDescription: String { description }
  /// Nothing within, for `dump` and its like.
  public var customMirror: Mirror {
    Mirror(self, children: [], displayStyle: .class, ancestorRepresentation: .suppressed)
  }
}

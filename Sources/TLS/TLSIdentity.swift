import CGnuTLS
import CIdentity
import WarrenCrypto

/// With what TLS connections prove who they are.
public final class TLSIdentity: Sendable {
  nonisolated(unsafe) let credentials: gnutls_certificate_credentials_t
  nonisolated(unsafe) let priority: gnutls_priority_t
  /// The same with TLS 1.2 besides; nil where it is a key alone, which no server of that time knows.
  nonisolated(unsafe) let olderPriority: gnutls_priority_t?
  /// Whether it is a key alone, as among our own kind, and the other side must prove its own.
  let isRaw: Bool

  /// A key alone (RFC 7250): both sides know whom they talk to.
  public convenience init(_ key: PrivateKey) throws(TLSError) {
    guard let credentials = key.withHandle({ cidentity_raw($0) }) else {
      throw TLSError(.system, reason: "GnuTLS does not take a raw Ed25519 key")
    }
    try self.init(credentials, isRaw: true)
  }

  /// An X.509 certificate and its key, as PEM, for others' programs that know nothing else. A server that has one does not
  /// ask who its clients are.
  public convenience init(certificate: String, key: String) throws(TLSError) {
    guard let credentials = cidentity_x509(certificate, key) else {
      throw TLSError(.system, reason: "the certificate and its key are not PEM, or do not go together")
    }
    try self.init(credentials, isRaw: false)
  }

  /// Nobody: a client who proves nothing, at servers with X.509 certificates.
  public static func anonymous() throws(TLSError) -> TLSIdentity {
    var credentials: gnutls_certificate_credentials_t?
    guard gnutls_certificate_allocate_credentials(&credentials) >= 0, let credentials else {
      throw TLSError(.system, reason: "there is no memory for credentials")
    }
    return try TLSIdentity(credentials, isRaw: false)
  }

  // AES-128-GCM costs a tenth of ChaCha20 on all that is larger than a telephone. The first group alone is offered with a
  // key: it is everybody's. The compatibility mode stays, since where UDP is blocked somebody looks into TCP (RFC 8446, D.4).
  private static let words =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM"
    + ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:%SERVER_PRECEDENCE:-CTYPE-ALL:+CTYPE-"

  // Of TLS 1.2 what is as good as 1.3: keys that are gone afterwards, encryption that authenticates, no SHA-1, and beginnings
  // that belong to what follows (RFC 5746).
  private static let olderWords =
    words.replacing(
      "+VERS-TLS1.3", with: "+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-MAC-ALL:+AEAD"
    )
    .replacing(
      "%SERVER_PRECEDENCE", with: "+GROUP-SECP521R1:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:%SAFE_RENEGOTIATION")

  private init(_ credentials: OpaquePointer, isRaw: Bool) throws(TLSError) {
    var priority: gnutls_priority_t?
    var olderPriority: gnutls_priority_t?
    guard gnutls_priority_init(&priority, Self.words + (isRaw ? "RAWPK" : "X509"), nil) >= 0, let priority
    else {
      cidentity_free(credentials)
      throw TLSError(.system, reason: "GnuTLS lacks TLS 1.3, or this system's policy forbids what it needs")
    }
    // Where this system forbids TLS 1.2, there is none.
    if !isRaw { gnutls_priority_init(&olderPriority, Self.olderWords + "X509", nil) }
    self.olderPriority = olderPriority
    gnutls_certificate_set_verify_function(credentials, judgePeer)
    self.credentials = credentials
    self.priority = priority
    self.isRaw = isRaw
  }

  deinit {
    cidentity_free(credentials)
    gnutls_priority_deinit(priority)
    if let olderPriority { gnutls_priority_deinit(olderPriority) }
  }
}

import CQUIC
import WarrenCrypto

/// With what connections prove who they are.
public final class QUICIdentity: Sendable {
  nonisolated(unsafe) let handle: OpaquePointer
  /// Whether it is a key alone, as among our own kind, and the other side must prove its own.
  let isRaw: Bool

  /// A key alone (RFC 7250): both sides know whom they talk to.
  public init(_ key: PrivateKey) throws(QUICError) {
    guard let handle = key.withHandle({ cquic_identity_raw(UnsafeMutableRawPointer($0)) }) else {
      throw QUICError(.system, reason: "GnuTLS does not take a raw Ed25519 key")
    }
    self.handle = handle
    isRaw = true
  }

  /// An X.509 certificate and its key, as PEM, for others' programs that know nothing else.
  public init(certificate: String, key: String) throws(QUICError) {
    guard let handle = cquic_identity_x509(certificate, key) else {
      throw QUICError(.system, reason: "the certificate and its key are not PEM, or do not go together")
    }
    self.handle = handle
    isRaw = false
  }

  deinit { cquic_identity_free(handle) }
}

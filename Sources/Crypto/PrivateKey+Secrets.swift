extension PrivateKey {
  /// 32 bytes that only who has this key can make, always the same for one purpose: what is known of one tells nothing of
  /// another, nor of the key.
  package func secret(for purpose: String) -> [UInt8] {
    HMAC(.sha256, key: sign(Array(purpose.utf8).span.bytes)).code(of: [])
  }
}

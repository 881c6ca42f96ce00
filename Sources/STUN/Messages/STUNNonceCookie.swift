/// What a nonce begins with that tells of what its server can do; four characters follow, base64 of 24 features (RFC 8489, 9.2).
package enum STUNNonceCookie {
  /// What it begins with.
  package static let start = Array("obMatJos2".utf8)
}

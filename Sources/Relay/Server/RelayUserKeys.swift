/// What proves a user of whom the server need not know the password: a hash of it with the name and the realm, and so good for
/// that realm alone (RFC 8489, 9.2.2).
public struct RelayUserKeys: Hashable, Sendable {
  /// By MD5, 16 bytes, as every client can.
  public var md5: [UInt8]?
  /// By SHA-256, 32 bytes, as newer ones prefer.
  public var sha256: [UInt8]?

  /// These keys.
  public init(md5: [UInt8]? = nil, sha256: [UInt8]? = nil) { (self.md5, self.sha256) = (md5, sha256) }
}

/// The limits of TLS, each with its reason.
public enum TLSLimits {
  /// What a record carries at most (RFC 8446, 5.1).
  public static let recordBytes = 16_384
  /// What a record is on the wire at most: its header, and what encryption may add (RFC 8446, 5.2).
  public static let wireRecordBytes = 5 + recordBytes + 256
  /// What has arrived and nobody has read, as it came: a full read of TCP. With more, what arrives is left to TCP, whose
  /// window then holds the other side back.
  public static let incomingBytes = 65_536
  /// What is written and has not left: four records, so that a call of the system is worth its price, and the room of one
  /// that ``recordBytes`` more of anything written does not take: alerts and changes of keys always find it.
  public static let outgoingBytes = 5 * wireRecordBytes
  /// What arrives at most without a byte for the reader in it: all of a handshake, whose certificates have some thousand
  /// bytes where keys of ours have 44, and later changes of keys and tickets. GnuTLS puts messages of 16 MB together
  /// before it minds.
  public static let silentBytes = 131_072
  /// Files and texts of authorities that are kept as they were read: a company has one, and each relay at most one of its own.
  public static let authorityLists = 8
  /// Protocols that can be offered: GnuTLS takes no more.
  public static let protocols = 8
  /// Bytes of a protocol's name: as before.
  public static let protocolBytes = 31
}

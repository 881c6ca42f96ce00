import CGnuTLS

/// A hash function, as STUN and its kin need them.
public enum HashFunction: Hashable, Sendable, CaseIterable {
  /// For the long-term key of RFC 8489 alone, which prescribes it.
  case md5
  /// For STUN's older message integrity alone, which prescribes it.
  case sha1
  /// For everything else.
  case sha256
  /// For those who want more bits, as TLS's cipher suites of 256 bits do.
  case sha384
  /// For those who want the most.
  case sha512

  /// How many bytes come out.
  public var byteCount: Int {
    switch self {
    case .md5: 16
    case .sha1: 20
    case .sha256: 32
    case .sha384: 48
    case .sha512: 64
    }
  }

  /// The hash of `bytes`.
  public func hash(_ bytes: some Collection<UInt8>) -> [UInt8] {
    if let hash = bytes.withContiguousStorageIfAvailable({ self.hash(UnsafeRawBufferPointer($0)) }) {
      return hash
    }
    return Array(bytes).withUnsafeBytes { hash($0) }
  }

  private func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: byteCount) { result, count in
      let code = gnutls_hash_fast(digest, bytes.baseAddress, bytes.count, result.baseAddress)
      precondition(code >= 0, "GnuTLS cannot compute \(self): it may be switched off in this system's policy")
      count = byteCount
    }
  }

  var digest: gnutls_digest_algorithm_t {
    switch self {
    case .md5: GNUTLS_DIG_MD5
    case .sha1: GNUTLS_DIG_SHA1
    case .sha256: GNUTLS_DIG_SHA256
    case .sha384: GNUTLS_DIG_SHA384
    case .sha512: GNUTLS_DIG_SHA512
    }
  }

  var mac: gnutls_mac_algorithm_t {
    switch self {
    case .md5: GNUTLS_MAC_MD5
    case .sha1: GNUTLS_MAC_SHA1
    case .sha256: GNUTLS_MAC_SHA256
    case .sha384: GNUTLS_MAC_SHA384
    case .sha512: GNUTLS_MAC_SHA512
    }
  }
}

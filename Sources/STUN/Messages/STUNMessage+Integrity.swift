import WarrenCrypto

extension STUNMessage {
  /// Which signature a message carries.
  public enum Integrity: Hashable, Sendable {
    /// None.
    case none
    /// That of RFC 5389.
    case sha1
    /// That of RFC 8489, perhaps with the other before it.
    case sha256
  }

  /// The strongest signature that it carries, right or wrong.
  public var integrity: Integrity {
    integritySHA256Offset > 0 ? .sha256 : integrityOffset > 0 ? .sha1 : .none
  }

  /// Whether it is signed with `key`, by the strongest signature that it carries (RFC 8489, 9.1.3).
  public func isSigned(with key: STUNKey) -> Bool {
    switch integrity {
    case .none: false
    case .sha1: isSigned(at: integrityOffset, with: key.hmac(.sha1), sizes: 20...20)
    // It may be cut short to 16 bytes (RFC 8489, 14.6).
    case .sha256: isSigned(at: integritySHA256Offset, with: key.hmac(.sha256), sizes: 16...32)
    }
  }

  private func isSigned(at offset: Int, with hmac: HMAC, sizes: ClosedRange<Int>) -> Bool {
    let size = Int(bytes.uint16(at: offset + 2))
    guard sizes.contains(size), size % 4 == 0 else { return false }
    let code = bytes.extracting(offset + 4..<offset + 4 + size)
    // The signature is over a header whose length ends with the signature itself (RFC 8489, 14.5).
    return withUnsafeTemporaryAllocation(byteCount: STUNMessage.headerSize, alignment: 4) { header in
      bytes.extracting(first: STUNMessage.headerSize).withUnsafeBytes { header.copyMemory(from: $0) }
      let length = UInt16(offset + 4 + size - STUNMessage.headerSize)
      header.storeBytes(of: length.bigEndian, toByteOffset: 2, as: UInt16.self)
      return hmac.isCode(
        code, of: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(header)),
        bytes.extracting(STUNMessage.headerSize..<offset))
    }
  }
}

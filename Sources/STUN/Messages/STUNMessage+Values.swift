import WarrenMachine

// The values of attributes, each nil where the attribute is missing or is not what its RFC says.
extension STUNMessage {
  /// The address of an attribute that masks it (RFC 8489, 14.2).
  public func maskedAddress(_ attribute: STUNAttribute) -> SocketAddress? {
    guard let value = value(of: attribute) else { return nil }
    return address(in: value, isMasked: true)
  }

  /// The address of an attribute that writes it in the clear (RFC 8489, 14.1).
  public func plainAddress(_ attribute: STUNAttribute) -> SocketAddress? {
    guard let value = value(of: attribute) else { return nil }
    return address(in: value, isMasked: false)
  }

  /// The sender's address as the answering side saw it, in either spelling.
  public var mappedAddress: SocketAddress? {
    maskedAddress(.xorMappedAddress) ?? plainAddress(.mappedAddress)
  }

  /// The address in an attribute's value, which may be one of several of that name.
  public func address(in value: RawSpan, isMasked: Bool) -> SocketAddress? {
    guard value.byteCount >= 8 else { return nil }
    let cookie = STUNMessage.magicCookie
    let port = value.uint16(at: 2) ^ (isMasked ? UInt16(cookie >> 16) : 0)
    switch (IPAddress.Family(stunNumber: value.uint8(at: 1)), value.byteCount) {
    case (.v4, 8):
      return SocketAddress(IPAddress(v4: value.uint32(at: 4) ^ (isMasked ? cookie : 0)), port: port)
    case (.v6, 20):
      let high = value.uint64(at: 4) ^ (isMasked ? UInt64(cookie) << 32 | UInt64(transactionID.high) : 0)
      let low = value.uint64(at: 12) ^ (isMasked ? transactionID.low : 0)
      return SocketAddress(IPAddress(v6: high, low), port: port)
    default:
      return nil
    }
  }

  /// The number in an attribute of four bytes.
  public func number(_ attribute: STUNAttribute) -> UInt32? {
    guard let value = value(of: attribute), value.byteCount == 4 else { return nil }
    return value.uint32(at: 0)
  }

  /// The number in an attribute of eight bytes.
  public func longNumber(_ attribute: STUNAttribute) -> UInt64? {
    guard let value = value(of: attribute), value.byteCount == 8 else { return nil }
    return value.uint64(at: 0)
  }

  /// The text of an attribute, if it is UTF-8 and not longer than any may be.
  public func text(_ attribute: STUNAttribute) -> String? {
    guard let value = value(of: attribute), value.byteCount <= STUNLimits.textBytes else { return nil }
    return value.withUnsafeBytes { String(validating: $0, as: UTF8.self) }
  }

  /// Whether the attribute's value is just these bytes: without making a string of what a stranger sent.
  public func value(of attribute: STUNAttribute, equals bytes: RawSpan) -> Bool {
    guard let value = value(of: attribute), value.byteCount == bytes.byteCount else { return false }
    return value.withUnsafeBytes { left in bytes.withUnsafeBytes { left.elementsEqual($0) } }
  }

  /// Why the request failed (RFC 8489, 14.8).
  public var errorCode: STUNErrorCode? {
    guard let value = value(of: .errorCode), value.byteCount >= 4 else { return nil }
    let (hundreds, rest) = (value.uint8(at: 2) & 7, value.uint8(at: 3))
    guard (3...6).contains(hundreds), rest < 100 else { return nil }
    return STUNErrorCode(rawValue: UInt16(hundreds) * 100 + UInt16(rest))
  }
}

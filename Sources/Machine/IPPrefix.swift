/// A block of addresses: those that share their first `length` bits.
public struct IPPrefix: Hashable, Sendable {
  /// The first address of the block.
  public let base: IPAddress
  /// How many leading bits its addresses share.
  public let length: Int

  /// The block of `length` shared bits around `address`; `length` is held to the family's size.
  public init(_ address: IPAddress, length: Int) {
    self.length = max(0, min(length, address.family == .v4 ? 32 : 128))
    base = IPPrefix.masked(address, length: self.length)
  }

  /// Whether `address` lies in the block.
  public func contains(_ address: IPAddress) -> Bool {
    guard address.family == base.family else { return false }
    let masked = IPPrefix.masked(address, length: length)
    return masked.high == base.high && masked.low == base.low
  }

  /// The address at a place in the block, counted from its first.
  public subscript(index: UInt64) -> IPAddress { base.advanced(by: index) }

  private static func masked(_ address: IPAddress, length: Int) -> IPAddress {
    func mask(_ bits: Int, of width: Int) -> UInt64 {
      // Swift's smart shift: a width of 64 or more leaves nothing.
      bits <= 0 ? 0 : (~0 << UInt64(max(0, width - bits))) & (width == 64 ? ~0 : (1 << UInt64(width)) - 1)
    }
    switch address.family {
    case .v4: return IPAddress(v4: address.v4Bits & UInt32(truncatingIfNeeded: mask(length, of: 32)))
    case .v6:
      return IPAddress(
        v6: address.high & mask(min(length, 64), of: 64), address.low & mask(length - 64, of: 64))
    }
  }
}

extension IPPrefix: CustomStringConvertible {
  /// The block that `text` spells: `192.168.0.0/16`, `2001:db8::/32`.
  public init(_ text: some StringProtocol) throws(AddressError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = try? IPAddress(parts[0]) else { throw .badPrefix(String(text)) }
    let size: UInt64 = address.family == .v4 ? 32 : 128
    guard let length = decimal(Array(parts[1].utf8), below: size + 1) else { throw .badPrefix(String(text)) }
    self.init(address, length: Int(length))
  }

  /// `192.168.0.0/16`.
  public var description: String { "\(base)/\(length)" }
}

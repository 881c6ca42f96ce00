/// An address and a port: where a socket is.
public struct SocketAddress: Hashable, Sendable {
  /// The address.
  public var ip: IPAddress
  /// The port; 0 asks the system to choose one.
  public var port: UInt16

  /// The port at an address.
  @inlinable
  public init(_ ip: IPAddress, port: UInt16) {
    self.ip = ip
    self.port = port
  }

  @inlinable
  public func hash(into hasher: inout Hasher) {
    switch ip.family {
    case .v4: hasher.combine(ip.low << 16 | UInt64(port))
    case .v6:
      hasher.combine(ip)
      hasher.combine(port)
    }
  }

  /// Every address of this machine of one family.
  public static func any(_ family: IPAddress.Family, port: UInt16 = 0) -> SocketAddress {
    SocketAddress(.any(family), port: port)
  }

  /// This machine, as only it can reach itself.
  public static func loopback(_ family: IPAddress.Family, port: UInt16 = 0) -> SocketAddress {
    SocketAddress(.loopback(family), port: port)
  }
}

extension SocketAddress {
  /// Whether a socket of a family can send there: not without a port, not to nobody, and not to IPv4 in the
  /// spelling of IPv6.
  package func canBeSentTo(from family: IPAddress.Family) -> Bool {
    port != 0 && ip.family == family && ip.canonical == ip && !ip.isUnspecified
  }
}

extension SocketAddress: Comparable {
  public static func < (left: SocketAddress, right: SocketAddress) -> Bool {
    (left.ip, left.port) < (right.ip, right.port)
  }
}

extension SocketAddress: CustomStringConvertible {
  /// The address that `text` spells: `192.0.2.1:4433`, `[2001:db8::1]:4433`.
  public init(_ text: some StringProtocol) throws(AddressError) {
    let isBracketed = text.first == "["
    guard let colon = text.lastIndex(of: ":"), !(isBracketed && text.last == "]") else {
      throw .missingPort(String(text))
    }
    var host = text[..<colon]
    if isBracketed {
      guard host.last == "]" else { throw .notAnAddress(String(text)) }
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      // More than one colon without brackets: an IPv6 address that lacks its port.
      throw .missingPort(String(text))
    }
    guard let ip = try? IPAddress(host), (ip.family == .v6) == isBracketed else {
      throw .notAnAddress(String(text))
    }
    self.init(ip, port: try SocketAddress.port(text[colon...].dropFirst(), of: text))
  }

  private static func port(
    _ digits: some StringProtocol, of text: some StringProtocol
  ) throws(AddressError) -> UInt16 {
    guard let port = decimal(Array(digits.utf8), below: 65_536) else { throw .badPort(String(text)) }
    return UInt16(port)
  }

  /// `192.0.2.1:4433` or `[2001:db8::1]:4433`.
  public var description: String {
    ip.family == .v4 ? "\(ip):\(port)" : "[\(ip)]:\(port)"
  }
}

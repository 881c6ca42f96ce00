/// Why a text is no address, with the text.
public enum AddressError: Error, Hashable, Sendable {
  /// It spells no IPv4 or IPv6 address.
  case notAnAddress(String)
  /// It has no port.
  case missingPort(String)
  /// Its port is not a number from 0 to 65535.
  case badPort(String)
  /// It is not an address, a slash and a number of bits.
  case badPrefix(String)
}

extension AddressError: CustomStringConvertible {
  /// What is wrong and how it would be right.
  public var description: String {
    switch self {
    case .notAnAddress(let text):
      "\(quoted(text)) is not an IP address: write it as 192.0.2.1 or 2001:db8::1 "
        + "(with a port: 192.0.2.1:4433 or [2001:db8::1]:4433; a zone is an interface's index)"
    case .missingPort(let text):
      "\(quoted(text)) has no port: write it as 192.0.2.1:4433 or [2001:db8::1]:4433"
    case .badPort(let text):
      "\(quoted(text)) has a port that is not a number from 0 to 65535"
    case .badPrefix(let text):
      "\(quoted(text)) is not a block of addresses: write it as 192.168.0.0/16 or 2001:db8::/32"
    }
  }
}

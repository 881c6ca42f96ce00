import WarrenMachine

extension IPAddress {
  /// Whose address it is, as far as one can tell from outside: with IPv6 each house has at least 64 bits of addresses of its
  /// own (RFC 6177), and its machines take others of them every day (RFC 8981).
  var subscriber: IPAddress {
    let address = canonical
    return address.family == .v4 ? address : IPPrefix(address, length: 64).base
  }
}

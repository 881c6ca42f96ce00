import WarrenMachine

/// An address as the other side writes it, and what it is here.
package enum PlainPlace {
  /// Where the other side listens, by its line `LISTEN:HOST:PORT`: the port alone is believed, at the address where it is. The
  /// original always says that its host is `localhost`; and whoever named another could have others call there.
  package static func listening(_ line: String, at ip: IPAddress) -> SocketAddress? {
    guard line.hasBytes("LISTEN:"), let (_, port) = split(line.droppingBytes(of: "LISTEN:")) else {
      return nil
    }
    return SocketAddress(ip, port: port)
  }

  /// One of those that the other side lists: what is its own machine to it is where it is. Names are not looked up, for others
  /// could have us ask for any.
  package static func listed(_ text: String, by ip: IPAddress) -> SocketAddress? {
    guard let (host, port) = split(text.withoutOuterSpace) else { return nil }
    if host.isBytes(of: "localhost") { return SocketAddress(ip, port: port) }
    guard let address = try? SocketAddress(text.withoutOuterSpace) else { return nil }
    let canonical = address.ip.canonical
    guard canonical.isUnicast, canonical.zone == 0 else { return nil }
    return SocketAddress(canonical.isLoopback ? ip : canonical, port: port)
  }

  /// How one is listed for somebody who reaches this machine at `own`: what is this machine to itself is that.
  package static func listing(_ address: SocketAddress, from own: IPAddress) -> String? {
    // The number of an interface is this machine's alone.
    guard address.ip.zone == 0 else { return nil }
    return
      (address.ip.isLoopback && address.ip.family == own.family
      ? SocketAddress(own, port: address.port) : address).description
  }

  private static func split(_ text: String) -> (host: String, port: UInt16)? {
    let bytes = Array(text.withoutOuterSpace.utf8)
    guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")),
      let port = UInt16(String(decoding: bytes[(colon + 1)...], as: UTF8.self)), port > 0
    else { return nil }
    return (String(decoding: bytes[..<colon], as: UTF8.self), port)
  }
}

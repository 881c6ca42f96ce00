import Glibc
import WarrenMachine

/// What the system's resolver is told (resolv.conf(5)).
enum ResolverFile {
  static let path = "/etc/resolv.conf"
  /// As many as the C library asks.
  private static let servers = 3
  private static let port: UInt16 = 53

  /// The name servers of a text; this machine's own where it names none.
  static func nameServers(in text: String) -> [SocketAddress] {
    let found = text.split(whereSeparator: \.isNewline).compactMap { line -> SocketAddress? in
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      // What does not begin with the word is something else.
      guard line.hasPrefix("nameserver"), words.count >= 2, words[0] == "nameserver" else { return nil }
      return address(words[1]).map { SocketAddress($0, port: port) }
    }
    return found.isEmpty ? [SocketAddress(.loopback(.v4), port: port)] : Array(found.prefix(servers))
  }

  /// A link-local one has its interface's name.
  private static func address(_ text: Substring) -> IPAddress? {
    if let address = try? IPAddress(text) { return address }
    let parts = text.split(separator: "%")
    guard parts.count == 2 else { return nil }
    return try? IPAddress("\(parts[0])%\(if_nametoindex(String(parts[1])))")
  }
}

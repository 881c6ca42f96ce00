import Warren
import WarrenOptions

/// A host, by its name or address, and perhaps a port: `example.org`, `192.0.2.1:8080`, `[2001:db8::1]:8080`.
struct HostPlace: Hashable, Sendable {
  let host: String
  let port: UInt16?

  init?(_ text: String) {
    if let address = try? SocketAddress(text), address.port != 0 {
      (host, port) = ("\(address.ip)", address.port)
    } else if let ip = try? IPAddress(
      text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text)
    {
      (host, port) = ("\(ip)", nil)
    } else {
      let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      let isName = parts[0].utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
          true
        default: byte >= 0x80
        }
      }
      guard isName, !parts[0].isEmpty, parts.count <= 2 else { return nil }
      host = parts[0]
      guard parts.count == 2 else {
        port = nil
        return
      }
      guard let number = UInt16(parts[1]), number != 0 else { return nil }
      port = number
    }
  }

  /// Its addresses; with this port where none is named.
  func addresses(on machine: any Machine, port usual: UInt16) async throws -> [SocketAddress] {
    try await machine.resolve(host).map { SocketAddress($0, port: port ?? usual) }
  }
}

extension HostPlace: CustomStringConvertible {
  var description: String { host + (port.map { ":\($0)" } ?? "") }
}

extension ValueKind where Value == HostPlace {
  /// A host and perhaps a port.
  static var host: ValueKind {
    ValueKind(
      "HOST", expected: "a host by name or address, with or without a port", example: "chat.example.org:8080"
    ) {
      HostPlace($0)
    }
  }
}

import WarrenCrypto
import WarrenMachine

/// Where a registry is, and who it must be: `warren://HOST:PORT/KEY`.
public struct RegistryAddress: Hashable, Sendable {
  /// The port where nothing else is said: STUN's, since the same port answers both.
  public static let port: UInt16 = 3478

  /// Its name, or its address.
  public var host: String
  /// Its port.
  public var port: UInt16
  /// Who it must be; nil for whoever is there at first, and nobody else later.
  public var key: PeerID?

  /// A registry.
  public init(host: String, port: UInt16 = RegistryAddress.port, key: PeerID? = nil) {
    self.host = host
    self.port = port
    self.key = key
  }

  /// A registry at an address.
  public init(at address: SocketAddress, key: PeerID? = nil) {
    self.init(host: "\(address.ip)", port: address.port, key: key)
  }

  /// What is written `warren://HOST:PORT/KEY`; port and key may be left out.
  public init(_ text: String) throws(RegistryError) {
    func wrong(_ what: String) -> RegistryError {
      RegistryError(.badAddress, "\(quoted(text)) is no registry: \(what); write warren://HOST:PORT/KEY")
    }
    let scheme = "warren://"
    guard text.lowercased().hasPrefix(scheme) else { throw wrong("it does not begin with \(scheme)") }
    let parts = text.dropFirst(scheme.count).split(
      separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    var key: PeerID?
    if parts.count == 2, !parts[1].isEmpty {
      guard let known = PeerID(String(parts[1])) else { throw wrong("its key is not one") }
      key = known
    }
    let (host, rest) = try Self.split(parts[0], wrong)
    var port = Self.port
    if let rest {
      guard rest.allSatisfy(\.isNumber), let number = UInt16(rest), number != 0 else {
        throw wrong("its port is not one")
      }
      port = number
    }
    guard !host.isEmpty else { throw wrong("it has no host") }
    let isNone = host.unicodeScalars.contains {
      $0.couldDisturb || $0.properties.isWhitespace || "@?#[]\\".unicodeScalars.contains($0)
    }
    if isNone { throw wrong("its host is not one") }
    self.init(host: String(host), port: port, key: key)
  }

  /// Host and port; an IPv6 address stands in brackets.
  private static func split(
    _ text: Substring, _ wrong: (String) -> RegistryError
  ) throws(RegistryError) -> (Substring, Substring?) {
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { throw wrong("a bracket is open") }
      let rest = text[text.index(after: end)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { throw wrong("after the bracket comes a port") }
      guard text[..<end].contains(":") else { throw wrong("in brackets stands an IPv6 address") }
      return (text[text.index(after: text.startIndex)..<end], rest.isEmpty ? nil : rest.dropFirst())
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count <= 2 else { throw wrong("an IPv6 address stands in brackets") }
    return (parts[0], parts.count == 2 ? parts[1] : nil)
  }
}

extension RegistryAddress: CustomStringConvertible {
  /// As it is written: `warren://HOST:PORT/KEY`.
  public var description: String {
    let host = host.contains(":") ? "[\(host)]" : host
    return "warren://\(host):\(port)" + (key.map { "/\($0)" } ?? "")
  }
}

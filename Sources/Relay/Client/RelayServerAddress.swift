import WarrenCrypto
import WarrenMachine
import WarrenTLS

/// Where a relay is, how it is spoken to, and as whom.
///
/// ```swift
/// var relay = try RelayServerAddress("turn:relay.example.org?transport=tcp")
/// (relay.username, relay.password) = ("alice", "open sesame")
/// ```
public struct RelayServerAddress: Hashable, Sendable {
  /// What carries messages between client and server.
  public enum Transport: Hashable, Sendable {
    case udp
    case tcp
    /// TLS over TCP.
    case tls
  }

  /// Its name, or the address that it spells.
  public var host: String
  /// Its port.
  public var port: UInt16
  /// How it is spoken to.
  public var transport: Transport
  /// Who asks.
  public var username: String
  /// How they prove it.
  public var password: String
  /// The key that a server proves over TLS; nil where none is known.
  public var key: PeerID?
  /// Who must vouch over TLS for the certificate of a server whose key is not known, which may then speak TLS 1.2. Nil for
  /// whatever answers, which proves nothing until it knows the password.
  public var authorities: TLSAuthorities? = .system
  /// The name that its certificate must be for; nil for ``host``. Of a server that a domain has named it is the domain's.
  public var certificateName: String?
  /// What the server will want, where that is known already: it spares a round trip.
  public var challenge: RelayChallenge?

  /// A relay's address.
  public init(
    host: String, port: UInt16? = nil, transport: Transport = .udp, username: String = "",
    password: String = "",
    key: PeerID? = nil
  ) {
    self.host = host
    self.port = port ?? transport.usualPort
    self.transport = transport
    self.username = username
    self.password = password
    self.key = key
  }
}

extension RelayServerAddress.Transport {
  /// The port where nobody names one (RFC 8656, 3).
  public var usualPort: UInt16 { self == .tls ? 5349 : 3478 }
}

extension RelayServerAddress: CustomStringConvertible {
  /// The address that a URI spells: `turn:192.0.2.1:3478?transport=udp`, `turns:relay.example.org` (RFC 7065).
  public init(_ text: some StringProtocol) throws(RelayError) {
    let wrong = RelayError(.notAnAddress, reason: String(text.prefix(200)))
    guard let colon = text.firstIndex(of: ":") else { throw wrong }
    let isSecure: Bool
    switch text[..<colon].lowercased() {
    case "turn": isSecure = false
    case "turns": isSecure = true
    default: throw wrong
    }
    let parts = text[text.index(after: colon)...].split(separator: "?", omittingEmptySubsequences: false)
    guard let transport = Self.transport(parts.dropFirst().map { $0.lowercased() }, isSecure),
      let (host, port) = Self.hostAndPort(String(parts[0]), usual: transport.usualPort)
    else { throw wrong }
    self.init(host: host, port: port, transport: transport)
  }

  private static func transport(_ queries: [String], _ isSecure: Bool) -> Transport? {
    // DTLS, which `turns` with `udp` means, is not spoken here.
    switch (queries, isSecure) {
    case ([], false), (["transport=udp"], false): .udp
    case (["transport=tcp"], false): .tcp
    case ([], true), (["transport=tcp"], true): .tls
    default: nil
    }
  }

  private static func hostAndPort(_ text: String, usual: UInt16) -> (String, UInt16)? {
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return nil }
      let host = text[text.index(after: text.startIndex)..<end]
      guard (try? IPAddress(host))?.family == .v6 else { return nil }
      return port(text[text.index(after: end)...], usual: usual).map { (String(host), $0) }
    }
    let end = text.firstIndex(of: ":") ?? text.endIndex
    let host = text[..<end]
    let mayBeName = host.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    guard mayBeName, (1...253).contains(host.utf8.count) else { return nil }
    return port(text[end...], usual: usual).map { (String(host), $0) }
  }

  private static func port(_ text: Substring, usual: UInt16) -> UInt16? {
    if text.isEmpty { return usual }
    let digits = text.dropFirst()
    guard text.first == ":", (1...5).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    else { return nil }
    return UInt16(digits).flatMap { $0 == 0 ? nil : $0 }
  }

  /// Its URI, without what nobody else should read: `turn:192.0.2.1:3478?transport=udp`.
  public var description: String {
    let name = host.contains(":") ? "[\(host)]" : host
    switch transport {
    case .udp: return "turn:\(name):\(port)?transport=udp"
    case .tcp: return "turn:\(name):\(port)?transport=tcp"
    case .tls: return "turns:\(name):\(port)?transport=tcp"
    }
  }
}

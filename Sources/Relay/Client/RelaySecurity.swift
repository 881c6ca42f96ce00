import WarrenCrypto
import WarrenMachine
import WarrenTLS

/// How a relay is spoken to over TLS.
struct RelaySecurity {
  private let identity: TLSIdentity
  private let configuration: TLSConfiguration
  private let server: RelayServerAddress

  /// - Parameter identity: what this side shows; nil for no more than it must.
  init(_ server: RelayServerAddress, _ identity: TLSIdentity?, on machine: any Machine) throws(TLSError) {
    self.server = server
    // What is spoken over it (RFC 7443).
    var configuration = TLSConfiguration(protocols: [RelayServer.protocolName])
    if server.key == nil, let authorities = server.authorities {
      // It is somebody else's: it may be old, and know of no protocols' names.
      configuration.authorities = authorities
      configuration.allowsOlderVersion = true
      configuration.needsProtocol = false
      if let identity { self.identity = identity } else { self.identity = try .anonymous() }
    } else {
      var random = machine.random
      if let identity {
        self.identity = identity
      } else {
        self.identity = try TLSIdentity(PrivateKey(using: &random))
      }
    }
    self.configuration = configuration
  }

  func session(at now: Instant) throws(TLSError) -> TLSCore {
    // The dot that ends a name is nobody's in a certificate (RFC 6066, 3).
    let name = server.certificateName ?? server.host
    return try TLSCore(
      .client(expecting: server.key, name: name.hasSuffix(".") ? String(name.dropLast()) : name), identity,
      configuration, at: now)
  }
}

import WarrenCrypto

/// How TLS connections are to be.
public struct TLSConfiguration: Sendable {
  /// The protocols that are spoken over them, the most wanted first (ALPN, RFC 7301); none where both just know.
  public var protocols: [String]
  /// Whether a client must offer one of them; where not, one that offers none may just know.
  public var needsProtocol = true
  /// Who may connect: asked before anything that they say is given out.
  public var accepts: @Sendable (PeerID) -> Bool = { _ in true }
  /// Who must vouch for the certificate of a server whose key is not known, which is then X.509's and for the name by which
  /// it is called; nil where whatever answers will do.
  public var authorities: TLSAuthorities?
  /// Whether TLS 1.2 will do where others' servers have nothing newer: with an X.509 certificate alone, and with keys that
  /// nobody can find out later.
  package var allowsOlderVersion = false
  /// What is told of the secrets of each connection: lines of an `SSLKEYLOGFILE`, without their ends.
  ///
  /// - Warning: whoever has them reads everything that the two say to each other. Only for looking at one's own connections.
  public var keyLog: (@Sendable (String) -> Void)?
  /// How long a handshake may take.
  public var handshakeTimeout: Duration = .seconds(10)

  /// Connections that speak one of these protocols.
  public init(protocols: [String]) { self.protocols = protocols }
}

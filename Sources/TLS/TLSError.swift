import WarrenCrypto

/// Why a TLS connection is over, or never was.
public struct TLSError: Error, Hashable, Sendable {
  /// What went wrong.
  public enum Code: Hashable, Sendable {
    /// TLS refused, with this alert (RFC 8446, 6).
    case alert(UInt8)
    /// Somebody else answered than who was called.
    case wrongPeer(PeerID)
    /// Somebody called whom this side does not accept.
    case unwantedPeer(PeerID)
    /// Nobody vouches for the server's certificate whose word counts here.
    case unknownAuthority
    /// The server's certificate is not for the name by which it was called.
    case wrongName(String)
    /// The other side's certificate is no longer valid, or not yet.
    case expired
    /// The other side's certificate is wrong in another way.
    case badCertificate
    /// No protocol is spoken by both (RFC 7301, 3.2).
    case noProtocol
    /// The bytes ended before the other side said that they would: somebody may have cut them off (RFC 8446, 6.1).
    case truncated
    /// The handshake took too long.
    case handshakeTimeout
    /// What was asked for cannot be done: the connection is closed, or this side has finished. Or the other side closed it
    /// before there was one.
    case closed
    /// There is no memory, or GnuTLS does not do what it must.
    case system
  }

  /// What went wrong.
  public var code: Code
  /// What is known besides.
  public var reason: String
  /// Whether it was the other side that said so.
  public var isRemote: Bool

  /// An error.
  public init(_ code: Code, reason: String = "", isRemote: Bool = false) {
    self.code = code
    self.reason = reason
    self.isRemote = isRemote
  }
}

extension TLSError: CustomStringConvertible {
  /// What went wrong, and what to do about it.
  public var description: String {
    let who = isRemote ? "the other side" : "this side"
    let why = reason.isEmpty ? "" : ": \(reason)"
    switch code {
    case .alert(let alert): return "\(who) ended TLS with alert \(alert)\(Self.hint(for: alert))\(why)"
    case .wrongPeer(let peer): return "somebody else answered: \(peer); check whom you meant to call"
    case .unwantedPeer(let peer): return "\(peer) called, and is not accepted here: see `accepts`"
    case .unknownAuthority:
      return
        "nobody trusted here has signed the server's certificate: if it is the right server, name who has "
        + "(`authorities`), or have it send the certificates between as well"
    case .wrongName(let name):
      return
        "the server's certificate is not for \(name): call it by a name that is in it, or somebody else answered"
    case .expired:
      return
        "the other side's certificate is not valid at this time: have it renewed, and look at this machine's clock"
        + why
    case .badCertificate: return "the other side's certificate is not to be trusted\(why)"
    case .noProtocol: return "no protocol is spoken by both: compare the `protocols` of both sides"
    case .truncated:
      return "the connection ended in the middle: the other side is gone, or somebody has cut it off; "
        + "what has arrived may be incomplete"
    case .handshakeTimeout:
      return
        "the TLS handshake took too long: what listens there may speak something else, or nothing gets through"
    case .closed where isRemote:
      return "the other side has closed the connection before the handshake was done"
    case .closed: return "the connection is closed already, or this side has finished"
    case .system: return "TLS cannot be used with what it was given, or on this system\(why)"
    }
  }

  private static func hint(for alert: UInt8) -> String {
    switch alert {
    case 10, 47, 50, 109, 110: " (what it was sent is not TLS as it should be)"
    case 20: " (a record was changed on the way)"
    case 40: " (the two have no cipher, group or kind of key in common)"
    case 42: " (it does not want this key)"
    case 43: " (it does not know this kind of key)"
    case 45: " (a certificate is no longer valid)"
    case 49: " (it does not accept who one is)"
    case 51: " (a signature or a handshake was changed on the way)"
    case 48: " (it does not know who has signed the certificate)"
    case 70: " (the two have no version of TLS in common: this side speaks 1.3)"
    case 90: " (it has changed its mind)"
    case 100: " (new keys were wanted as TLS 1.2 has them, which is not done here)"
    case 116: " (it asks who one is)"
    default: ""
    }
  }
}

import WarrenCrypto
import WarrenMachine

/// Why a connection is over, or a stream.
public struct QUICError: Error, Hashable, Sendable {
  /// What went wrong.
  public enum Code: Hashable, Sendable {
    /// An application closed the connection, with a number of its own.
    case application(UInt64)
    /// QUIC's own rules were broken (RFC 9000, 20.1).
    case transport(UInt64)
    /// TLS refused, with this alert (RFC 8446, 6).
    case tls(UInt8)
    /// Somebody else answered than who was called.
    case wrongPeer(PeerID)
    /// Nothing was heard for too long.
    case idle
    /// The handshake took too long: nobody is there, or nothing gets through.
    case handshakeTimeout
    /// The other side knows nothing of the connection any more: it was restarted, perhaps.
    case forgotten
    /// The two have no version of QUIC in common.
    case version
    /// The other side has reset the stream.
    case reset(UInt64)
    /// The stream is not wanted any more; with which code the other side said so is not known.
    case stopped(UInt64?)
    /// The other side has not taken what was sent early: it is to be sent again, on another stream.
    case earlyDataRefused
    /// What was asked for cannot be done: the stream is finished, or the connection is closed.
    case closed
    /// The other side takes no datagrams, or none this large.
    case datagram
    /// There is no memory, or the system does not do what it must.
    case system
  }

  /// What went wrong.
  public var code: Code
  /// What the side that closed the connection said.
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

extension QUICError: CustomStringConvertible {
  /// What went wrong, and what to do about it.
  public var description: String {
    let who = isRemote ? "the other side" : "this side"
    let why = reason.isEmpty ? "" : ": \(reason.undisturbing)"
    switch code {
    case .application(let number): return "\(who) closed the connection with code \(number)\(why)"
    case .transport(let number): return "\(who) found QUIC's rules broken (\(Self.name(of: number)))\(why)"
    case .tls(let alert):
      return "\(who) ended the TLS handshake with alert \(alert)\(Self.hint(for: alert))\(why)"
    case .wrongPeer(let peer): return "somebody else answered: \(peer); check whom you meant to call"
    case .idle: return "nothing was heard from the other side for too long; it, or the way to it, is gone"
    case .handshakeTimeout: return "nobody answered in time: nobody is there, or nothing gets through"
    case .forgotten: return "the other side knows nothing of this connection any more: connect again"
    case .version: return "the other side speaks no version of QUIC that this one knows"
    case .reset(let number): return "the other side has reset the stream with code \(number)"
    case .stopped(let number):
      return "\(who) wants no more of the stream\(number.map { ", with code \($0)" } ?? "")"
    case .earlyDataRefused:
      return "the other side has not taken what was sent early: send it again on another stream"
    case .closed: return "the stream or the connection is closed already"
    case .datagram: return "the other side takes no datagrams, or none of this size: see `datagramCapacity`"
    case .system: return "the system has no memory left, or its TLS library lacks what QUIC needs"
    }
  }

  private static func hint(for alert: UInt8) -> String {
    switch alert {
    case 42: " (it does not want this key)"
    case 45: " (a certificate is no longer valid)"
    case 116: " (it asks who one is)"
    case 120: " (no protocol is spoken by both)"
    default: ""
    }
  }

  private static func name(of number: UInt64) -> String {
    let names = [
      "no error", "internal error", "connection refused", "flow control", "stream limit", "stream state",
      "final size", "frame encoding", "transport parameter", "connection id limit", "protocol violation",
      "invalid token", "application error", "crypto buffer exceeded", "key update", "AEAD limit reached",
      "no viable path",
    ]
    return number < names.count ? names[Int(number)] : "code \(number)"
  }
}

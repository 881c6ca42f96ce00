import CGnuTLS
import CIdentity
import WarrenMachine

/// Whose word counts on whether an X.509 certificate is its server's: those who have signed it, or others who vouch for them.
public enum TLSAuthorities: Hashable, Sendable {
  /// Whomever this system trusts.
  case system
  /// Those whose certificates are in a file, as PEM: a company's own, or the certificate of a server that signs for itself.
  case file(String)
  /// Those whose certificates are in a text, as PEM.
  case pem(String)
}

/// Authorities that can be asked.
final class AuthorityList: Sendable {
  /// GnuTLS says nothing of whether several threads may ask at once.
  private let list: Guarded<cidentity_authorities>

  /// Reading a hundred and more takes 10 ms: it is done once.
  private static let system = Result<AuthorityList, TLSError> { () throws(TLSError) in
    try AuthorityList(
      cidentity_system_authorities(),
      orElse: "this system says of nobody whom it trusts: install ca-certificates, or name authorities")
  }

  /// Those who must vouch for a server, and its name; nil where nobody must, since its key is known or no matter.
  static func asked(
    by side: TLSCore.Side, _ configuration: TLSConfiguration
  ) throws(TLSError) -> (AuthorityList, String)? {
    guard case .client(nil, let name) = side, let authorities = configuration.authorities else { return nil }
    guard let name, !name.isEmpty else {
      throw TLSError(.system, reason: "authorities vouch for names: say what the server is called")
    }
    return (try of(authorities), name)
  }

  /// What was read last, and which file's state it was: reading it costs more than a session does.
  private struct Reading: Sendable {
    let authorities: TLSAuthorities
    let stamp: UInt64
    let list: AuthorityList
  }

  private static let readings = Guarded<[Reading]>([])

  static func of(_ authorities: TLSAuthorities) throws(TLSError) -> AuthorityList {
    let stamp: UInt64
    switch authorities {
    case .system: return try system.get()
    case .file(let path): stamp = cidentity_file_stamp(path)
    case .pem: stamp = 0
    }
    let known = readings.withLock { $0.first { $0.authorities == authorities && $0.stamp == stamp } }
    if let known { return known.list }
    let list = try read(authorities)
    // The file is another than it was, or there are too many: those that are in use live on.
    return readings.withLock { readings in
      readings.removeAll { $0.authorities == authorities }
      if readings.count >= TLSLimits.authorityLists { readings.removeFirst() }
      readings.append(Reading(authorities: authorities, stamp: stamp, list: list))
      return list
    }
  }

  private static func read(_ authorities: TLSAuthorities) throws(TLSError) -> AuthorityList {
    switch authorities {
    case .system: try system.get()
    case .file(let path):
      try AuthorityList(cidentity_authorities_in_file(path), orElse: "no certificate can be read in \(path)")
    case .pem(let text):
      try AuthorityList(
        cidentity_authorities_in_text(text), orElse: "what was given as authorities has no certificate in it")
    }
  }

  private init(_ list: cidentity_authorities?, orElse reason: String) throws(TLSError) {
    guard let list else { throw TLSError(.system, reason: reason) }
    self.list = Guarded(list)
  }

  deinit { list.withLock { cidentity_free_authorities($0) } }

  /// Why the server of a session is not the one of this name; nil where it is.
  func refusal(of session: gnutls_session_t, as name: String) -> TLSError? {
    var status: UInt32 = 0
    let code = list.withLock { cidentity_verify(session, $0, name, &status) }
    if code == GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE {
      return TLSError(.badCertificate, reason: "it is a key alone, which nobody vouches for: name the key")
    }
    guard code >= 0 else {
      return TLSError(.badCertificate, reason: String(cString: gnutls_strerror(code)))
    }
    return TLSError(status: gnutls_certificate_status_t(status), of: name)
  }
}

extension TLSError {
  /// What GnuTLS says of a certificate; nil where all is well. The first of several faults is told that cannot be mended by
  /// whoever calls.
  init?(status: gnutls_certificate_status_t, of name: String) {
    let faults = status.rawValue
    func has(_ fault: gnutls_certificate_status_t) -> Bool { faults & fault.rawValue != 0 }
    if faults == 0 { return nil }
    if has(GNUTLS_CERT_SIGNER_NOT_FOUND) {
      self.init(.unknownAuthority)
    } else if has(GNUTLS_CERT_EXPIRED) || has(GNUTLS_CERT_NOT_ACTIVATED) {
      self.init(.expired, reason: has(GNUTLS_CERT_EXPIRED) ? "" : "it is not valid yet")
    } else if faults == GNUTLS_CERT_UNEXPECTED_OWNER.rawValue | GNUTLS_CERT_INVALID.rawValue
      || faults == GNUTLS_CERT_UNEXPECTED_OWNER.rawValue
    {
      self.init(.wrongName(name))
    } else {
      self.init(.badCertificate, reason: Self.words(for: status))
    }
  }

  private static func words(for status: gnutls_certificate_status_t) -> String {
    var text = gnutls_datum_t()
    guard gnutls_certificate_verification_status_print(status.rawValue, GNUTLS_CRT_X509, &text, 0) >= 0 else {
      return "status \(status.rawValue)"
    }
    defer { warren_gnutls_free(text.data) }
    return String(decoding: UnsafeBufferPointer(start: text.data, count: Int(text.size)), as: UTF8.self)
  }
}

import CGnuTLS
import CIdentity
import WarrenMachine

// What GnuTLS calls while one of its functions runs, on the same thread. None of these calls it back, but to say why not.

func pushBytes(_ transport: gnutls_transport_ptr_t?, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  let core = core(transport)
  let taken = core.push(UnsafeRawBufferPointer(start: bytes, count: count))
  return taken > 0 || count == 0 ? taken : core.sayAgain()
}

func pullBytes(_ transport: gnutls_transport_ptr_t?, _ room: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  let core = core(transport)
  return core.pull(into: UnsafeMutableRawBufferPointer(start: room, count: count)) ?? core.sayAgain()
}

/// Called once the other side has shown its certificate; that it has the key as well is proven before the handshake is done.
func judgePeer(_ session: gnutls_session_t?) -> Int32 {
  if let isVouchedFor = core(gnutls_session_get_ptr(session)).judgeChain() {
    return isVouchedFor ? 0 : GNUTLS_E_CERTIFICATE_ERROR
  }
  return cidentity_ask(
    session,
    { owner, kind, key, count in
      core(owner).judge(kind, RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: key, count: count))) ? 0 : 1
    }, gnutls_session_get_ptr(session))
}

func tellSecret(
  _ session: gnutls_session_t?, _ label: UnsafePointer<CChar>?, _ secret: UnsafePointer<gnutls_datum_t>?
) -> Int32 {
  var (client, server) = (gnutls_datum_t(), gnutls_datum_t())
  gnutls_session_get_random(session, &client, &server)
  let words = [client, secret!.pointee].map {
    UnsafeBufferPointer(start: $0.data, count: Int($0.size)).hexText
  }
  core(gnutls_session_get_ptr(session)).configuration.keyLog?(
    "\(String(cString: label!)) \(words.joined(separator: " "))")
  return 0
}

private func core(_ pointer: UnsafeMutableRawPointer?) -> TLSCore {
  Unmanaged<TLSCore>.fromOpaque(pointer!).takeUnretainedValue()
}

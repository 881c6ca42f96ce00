import CGnuTLS

/// A password or name in the one spelling that both sides compute with (OpaqueString, RFC 8265, 4.2).
///
/// What that profile forbids stays as it is: whoever gave it to the other side has given it so.
public func preparedPassword(_ password: String) -> String {
  if password.utf8.allSatisfy({ $0 < 0x80 }) { return password }
  var password = password
  return password.withUTF8 { bytes in
    var prepared = gnutls_datum_t()
    let code = gnutls_utf8_password_normalize(bytes.baseAddress, UInt32(bytes.count), &prepared, 0)
    guard code >= 0, let data = prepared.data else { return String(decoding: bytes, as: UTF8.self) }
    defer { warren_gnutls_free(data) }
    return String(decoding: UnsafeBufferPointer(start: data, count: Int(prepared.size)), as: UTF8.self)
  }
}

import CGnuTLS

/// A keyed hash (RFC 2104) with its key set up once, to be used for many messages without an allocation.
///
/// Each use is whole in itself, so that copies of what holds one may share it, on one thread.
public final class HMAC {
  /// The hash beneath.
  public let function: HashFunction
  private let handle: gnutls_hmac_hd_t

  /// The keyed hash of `key`.
  public init(_ function: HashFunction, key: some Collection<UInt8>) {
    self.function = function
    var handle: gnutls_hmac_hd_t?
    let key = Array(key)
    let code = key.withUnsafeBytes { gnutls_hmac_init(&handle, function.mac, $0.baseAddress, $0.count) }
    guard code >= 0, let handle else {
      preconditionFailure(
        "GnuTLS cannot compute HMAC-\(function): it may be switched off in this system's policy")
    }
    self.handle = handle
  }

  deinit { gnutls_hmac_deinit(handle, nil) }

  /// Lets `body` have the code of `first` and `second`, one behind the other.
  public func withCode<Value>(
    of first: RawSpan, _ second: RawSpan = RawSpan(), _ body: (RawSpan) -> Value
  ) -> Value {
    add(first)
    add(second)
    return withUnsafeTemporaryAllocation(byteCount: function.byteCount, alignment: 8) { code in
      gnutls_hmac_output(handle, code.baseAddress)
      return body(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(code)))
    }
  }

  /// The code of `bytes`.
  public func code(of bytes: some Collection<UInt8>) -> [UInt8] {
    let bytes = Array(bytes)
    return withCode(of: bytes.span.bytes) { code in code.withUnsafeBytes { Array($0) } }
  }

  /// Whether `code`, perhaps cut short, is that of `first` and `second`; takes as long for a wrong one as for
  /// the right one.
  public func isCode(_ code: RawSpan, of first: RawSpan, _ second: RawSpan = RawSpan()) -> Bool {
    withCode(of: first, second) { right in
      guard code.byteCount > 0, code.byteCount <= right.byteCount else { return false }
      return equalInConstantTime(code, right.extracting(first: code.byteCount))
    }
  }

  private func add(_ bytes: RawSpan) {
    guard !bytes.isEmpty else { return }
    let code = bytes.withUnsafeBytes { gnutls_hmac(handle, $0.baseAddress, $0.count) }
    precondition(code >= 0, "GnuTLS stopped in the middle of an HMAC")
  }
}

/// Whether two runs of bytes are equal, in a time that says nothing about where they differ.
public func equalInConstantTime(_ left: RawSpan, _ right: RawSpan) -> Bool {
  guard left.byteCount == right.byteCount else { return false }
  return left.withUnsafeBytes { left in
    right.withUnsafeBytes { right in gnutls_memcmp(left.baseAddress, right.baseAddress, left.count) == 0 }
  }
}

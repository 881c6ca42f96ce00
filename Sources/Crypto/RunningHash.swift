import CGnuTLS
import WarrenMachine

/// A hash of bytes that come piece by piece, which says at any time what it is of those that have come.
///
/// One thread at a time may use it: hence `@unchecked Sendable`.
public final class RunningHash: @unchecked Sendable {
  /// The hash function.
  public let function: HashFunction
  private let handle: gnutls_hash_hd_t

  /// The hash of nothing yet.
  public convenience init(_ function: HashFunction) {
    var handle: gnutls_hash_hd_t?
    let code = gnutls_hash_init(&handle, function.digest)
    self.init(function, code >= 0 ? handle : nil)
  }

  private init(_ function: HashFunction, _ handle: gnutls_hash_hd_t?) {
    guard let handle else {
      preconditionFailure("GnuTLS cannot compute \(function): it may be switched off in this system's policy")
    }
    (self.function, self.handle) = (function, handle)
  }

  deinit { gnutls_hash_deinit(handle, nil) }

  /// These bytes come next.
  public func add(_ bytes: RawSpan) {
    guard !bytes.isEmpty else { return }
    let code = bytes.withUnsafeBytes { gnutls_hash(handle, $0.baseAddress, $0.count) }
    precondition(code >= 0, "GnuTLS stopped in the middle of a hash")
  }

  /// Another that has seen the same bytes, and goes its own way.
  public func copy() -> RunningHash { RunningHash(function, gnutls_hash_copy(handle)) }

  /// The hash of all that has come; more may come.
  public var value: [UInt8] {
    // To ask for it would begin anew.
    let last = copy()
    return [UInt8](unsafeUninitializedCapacity: function.byteCount) { result, count in
      gnutls_hash_output(last.handle, result.baseAddress)
      count = function.byteCount
    }
  }
}

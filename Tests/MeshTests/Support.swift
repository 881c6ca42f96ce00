import TestSupport
import WarrenCrypto
import WarrenMachine

@testable import WarrenMesh

/// Somebody of this number.
func id(_ number: UInt8) -> PeerID { PeerID(bytes: [UInt8](repeating: number, count: 32).span.bytes)! }

/// A key that follows from a number.
func key(_ number: UInt8) -> PrivateKey {
  PrivateKey(seed: [UInt8](repeating: number, count: PrivateKey.seedByteCount).span.bytes)!
}

extension Instant {
  static let start = Instant(nanoseconds: 1_000_000_000)

  static func + (instant: Instant, time: Duration) -> Instant { instant.advanced(by: time) }
}

extension RecordSeal {
  /// Signs with the statement's beginning: enough to tell what was changed there.
  static let plain = RecordSeal(mesh: "test") {
    Array(($0 + Array(repeating: 0, count: 64)).suffix(64))
  } check: {
    _, statement, signature in
    signature == Array((statement + Array(repeating: 0, count: 64)).suffix(64))
  }
}

import WarrenCrypto
import WarrenMachine

/// Says in writing that an address was seen, and knows its own writing again, without remembering anybody. Used on the machine's
/// executor alone: hence `@unchecked`.
final class Attestor: @unchecked Sendable {
  private let key: HMAC

  init(key: [UInt8]) { self.key = HMAC(.sha256, key: key) }

  /// What is good for as long as ``RegistryLimits/attestationPeriod`` to twice that.
  func proof(of address: SocketAddress, at now: Instant) -> UInt64 {
    proof(of: address, in: Self.period(of: now))
  }

  func isRight(_ attested: AttestedAddress, at now: Instant) -> Bool {
    let period = Self.period(of: now)
    return [period, period - 1].contains { proof(of: attested.address, in: $0) == attested.proof }
  }

  private static func period(of now: Instant) -> Int64 {
    now.nanoseconds / RegistryLimits.attestationPeriod.wholeNanoseconds
  }

  private func proof(of address: SocketAddress, in period: Int64) -> UInt64 {
    var bytes: [UInt8] = []
    for number in [UInt64(bitPattern: period), address.ip.high, address.ip.low, UInt64(address.port)] {
      withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
    }
    bytes.append(address.ip.family.rawValue)
    return key.code(of: bytes).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}

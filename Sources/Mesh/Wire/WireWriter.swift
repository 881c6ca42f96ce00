import WarrenCrypto
import WarrenMachine

/// Writes numbers and texts one after the other, as ``WireReader`` reads them.
package struct WireWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func append<Number: FixedWidthInteger>(_ number: Number) {
    for shift in stride(from: Number.bitWidth - 8, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }

  package mutating func append(_ more: some Collection<UInt8>) { bytes += more }

  package mutating func append(_ id: PeerID) { bytes += id.bytes }

  package mutating func append(_ version: MemberVersion) {
    append(version.epoch)
    append(version.incarnation)
  }

  package mutating func append(_ address: SocketAddress) {
    append(UInt8(address.ip.family == .v4 ? 4 : 6))
    append(address.port)
    if address.ip.family == .v6 { append(address.ip.high) }
    if address.ip.family == .v6 { append(address.ip.low) } else { append(address.ip.v4Bits) }
  }
}

extension WireReader {
  mutating func takeID() -> PeerID? { PeerID(bytes: take(count: PeerID.byteCount).span.bytes) }

  mutating func takeVersion() -> MemberVersion {
    let epoch = take(UInt64.self)
    return MemberVersion(epoch: epoch, incarnation: take(UInt32.self))
  }

  mutating func takeAddress() -> SocketAddress? {
    let family = take(UInt8.self)
    let port = take(UInt16.self)
    switch family {
    case 4: return SocketAddress(IPAddress(v4: take(UInt32.self)), port: port)
    case 6:
      let high = take(UInt64.self)
      return SocketAddress(IPAddress(v6: high, take(UInt64.self)), port: port)
    default: return nil
    }
  }
}

import WarrenTraversal

/// What two peers say to each other by way of the registry, which does not understand it.
enum PeerSignal {
  /// A puncher's signal.
  case punch(PunchSignal)
  /// First packets, in place of others that have become old.
  case flight([[UInt8]])
  /// Holes are to be punched for the connection that the two have, for datagrams or for TCP.
  case mend(TransportProtocol)
  /// There is no such connection any more.
  case gone

  var encoded: [UInt8] {
    switch self {
    case .punch(let signal): return [0] + signal.encoded
    case .flight(let packets):
      return [1] + packets.flatMap { [UInt8($0.count >> 8), UInt8($0.count & 0xFF)] + $0 }
    case .mend(.udp): return [2]
    case .mend(.tcp): return [4]
    case .gone: return [3]
    }
  }

  /// Nil where it is nothing that this version knows.
  init?(_ bytes: [UInt8]) {
    switch bytes.first {
    case 0:
      guard let signal = try? PunchSignal(decoding: bytes.span.bytes.extracting(droppingFirst: 1)) else {
        return nil
      }
      self = .punch(signal)
    case 1:
      var packets: [[UInt8]] = []
      var rest = bytes.dropFirst()
      while !rest.isEmpty {
        guard rest.count > 2 else { return nil }
        let size = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
        rest = rest.dropFirst(2)
        guard size <= rest.count, packets.count < RegistryLimits.flightPackets else { return nil }
        packets.append(Array(rest.prefix(size)))
        rest = rest.dropFirst(size)
      }
      self = .flight(packets)
    case 2: self = .mend(.udp)
    case 4: self = .mend(.tcp)
    case 3: self = .gone
    default: return nil
    }
  }
}

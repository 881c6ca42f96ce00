import WarrenMachine

extension ICMPMessage {
  /// RFC 792, and RFC 4443 for IPv6; without its checksum.
  func bytes(in packet: Packet) -> [UInt8] {
    let isV6 = packet.source.ip.family == .v6
    switch self {
    case .echoRequest(let sequence, let payload):
      return Self.echo(isV6 ? 128 : 8, packet.source.port, sequence, payload)
    case .echoReply(let sequence, let payload):
      return Self.echo(isV6 ? 129 : 0, packet.destination.port, sequence, payload)
    case .error(let error):
      let (type, code, rest) = isV6 ? error.reason.numbersV6 : error.reason.numbersV4
      var bytes = [type, code, 0, 0]
      bytes.put(rest)
      return bytes + error.offender.bytes(with: error.reason == .hopLimitExceeded ? 0 : 64)
    }
  }

  private static func echo(
    _ type: UInt8, _ identifier: UInt16, _ sequence: UInt16, _ payload: Payload
  ) -> [UInt8] {
    var bytes: [UInt8] = [type, 0, 0, 0]
    bytes.put(identifier)
    bytes.put(sequence)
    return bytes + payload.bytes
  }
}

extension DeliveryFailure.Reason {
  /// Type, code, and what stands behind the checksum (RFC 792; RFC 1812, 5.2.7.1; RFC 1191, 4).
  fileprivate var numbersV4: (type: UInt8, code: UInt8, rest: UInt32) {
    switch self {
    case .unreachable: (3, 0, 0)
    case .portUnreachable: (3, 3, 0)
    case .tooLarge(let mtu): (3, 4, UInt32(UInt16(clamping: mtu)))
    case .prohibited: (3, 13, 0)
    case .hopLimitExceeded: (11, 0, 0)
    }
  }

  /// The same for IPv6 (RFC 4443, 3).
  fileprivate var numbersV6: (type: UInt8, code: UInt8, rest: UInt32) {
    switch self {
    case .unreachable: (1, 0, 0)
    case .prohibited: (1, 1, 0)
    case .portUnreachable: (1, 4, 0)
    case .tooLarge(let mtu): (2, 0, UInt32(clamping: mtu))
    case .hopLimitExceeded: (3, 0, 0)
    }
  }
}

extension ICMPError.Offender {
  /// What is quoted of it: its IP header, eight bytes behind that, and what is known of its payload.
  fileprivate func bytes(with hopLimit: UInt8) -> [UInt8] {
    let content: Packet.Content =
      switch transport {
      case .udp: .udp(excerpt)
      case .tcp: .tcp(TCPSegment([], sequence: sequence))
      case .icmp: .icmp(.echoRequest(sequence: 0, .empty))
      }
    var packet = Packet(from: source, to: destination, content)
    packet.hopLimit = hopLimit
    let bytes = packet.bytes
    return transport == .tcp ? Array(bytes.prefix((source.ip.family == .v4 ? 20 : 40) + 8)) : bytes
  }
}

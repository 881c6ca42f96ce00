import WarrenMachine

/// What pairs a mapping with who asked for it: 96 bits of chance (RFC 6887, 11.2).
struct PCPNonce: Hashable, Sendable {
  var high: UInt32
  var low: UInt64

  init(_ high: UInt32, _ low: UInt64) {
    self.high = high
    self.low = low
  }

  init(using random: inout some RandomNumberGenerator) {
    high = random.next()
    low = random.next()
  }
}

/// What is asked by PCP.
enum PCPRequest: Hashable, Sendable {
  /// Whether the server is there, and how long it has been (RFC 6887, 14.1).
  case announce(client: IPAddress)
  /// An outside port; a lifetime of 0 gives it back (RFC 6887, 11.1).
  case map(
    client: IPAddress, nonce: PCPNonce, TransportProtocol, localPort: UInt16, suggested: SocketAddress,
    lifetime: UInt32)

  @_lifetime(span: copy span)
  func write(to span: inout OutputRawSpan) {
    switch self {
    case .announce(let client): PCPRequest.writeHeader(to: &span, .announce, lifetime: 0, client)
    case .map(let client, let nonce, let transport, let localPort, let suggested, let lifetime):
      PCPRequest.writeHeader(to: &span, .map, lifetime: lifetime, client)
      span.append(number: nonce.high)
      span.append(number: nonce.low)
      span.append(number: UInt32(transport.rawValue) << 24)
      span.append(number: localPort)
      span.append(number: suggested.port)
      span.append(pcpAddress: suggested.ip)
    }
  }

  @_lifetime(span: copy span)
  private static func writeHeader(
    to span: inout OutputRawSpan, _ opcode: PCPOpcode, lifetime: UInt32, _ client: IPAddress
  ) {
    span.append(number: UInt32(2) << 24 | UInt32(opcode.rawValue) << 16)
    span.append(number: lifetime)
    span.append(pcpAddress: client)
  }
}

/// The kinds of requests that are used here (RFC 6887, 19.2).
enum PCPOpcode: UInt8, Hashable, Sendable {
  case announce = 0
  case map = 1
}

/// An answer by PCP (RFC 6887, 7.2 and 11.1).
struct PCPAnswer: Hashable, Sendable {
  var opcode: PCPOpcode
  var result: UInt8
  var lifetime: UInt32
  var epoch: UInt32
  /// What it says of a mapping; nil in an answer to ANNOUNCE.
  var mapping: Mapping?

  /// The part of an answer to MAP.
  struct Mapping: Hashable, Sendable {
    var nonce: PCPNonce
    var transport: UInt8
    var localPort: UInt16
    var outside: SocketAddress
  }

  /// Reads an answer; nothing of it is believed before all of it has been looked at (RFC 6887, 8.3).
  init(_ bytes: RawSpan) throws(AnswerFault) {
    guard bytes.byteCount >= 4 else { throw .truncated }
    guard bytes.number(at: 1, as: UInt8.self) & 0x80 != 0 else { throw .notAnAnswer }
    guard bytes.number(at: 0, as: UInt8.self) == 2 else { throw .wrongVersion }
    guard bytes.byteCount >= 24 else { throw .truncated }
    guard bytes.byteCount <= PortMappingLimits.largestPCPMessage, bytes.byteCount % 4 == 0 else {
      throw .badLength
    }
    guard let opcode = PCPOpcode(rawValue: bytes.number(at: 1, as: UInt8.self) & 0x7F) else {
      throw .wrongOpcode
    }
    self.opcode = opcode
    result = bytes.number(at: 3, as: UInt8.self)
    lifetime = bytes.number(at: 4, as: UInt32.self)
    epoch = bytes.number(at: 8, as: UInt32.self)
    guard opcode == .map else {
      try PCPAnswer.checkOptions(in: bytes, from: 24)
      return
    }
    guard bytes.byteCount >= 60 else { throw .truncated }
    mapping = Mapping(
      nonce: PCPNonce(bytes.number(at: 24, as: UInt32.self), bytes.number(at: 28, as: UInt64.self)),
      transport: bytes.number(at: 36, as: UInt8.self), localPort: bytes.number(at: 40, as: UInt16.self),
      outside: SocketAddress(bytes.pcpAddress(at: 44), port: bytes.number(at: 42, as: UInt16.self)))
    try PCPAnswer.checkOptions(in: bytes, from: 60)
  }

  /// Options are passed over, but each must lie within the message (RFC 6887, 7.3).
  private static func checkOptions(in bytes: RawSpan, from start: Int) throws(AnswerFault) {
    var place = start
    while place < bytes.byteCount {
      guard place + 4 <= bytes.byteCount else { throw .badOption }
      place += 4 + (Int(bytes.number(at: place + 2, as: UInt16.self)) + 3) / 4 * 4
    }
    guard place == bytes.byteCount else { throw .badOption }
  }

  /// Which version a gateway names as its own while it says that the request's is not spoken: PCP's way, and
  /// NAT-PMP's, whose result has 16 bits (RFC 6887, 9 and appendix A; RFC 6886, 3.5). Nil for other answers.
  static func versionInstead(_ bytes: RawSpan) -> UInt8? {
    guard bytes.byteCount >= 8, bytes.number(at: 3, as: UInt8.self) == 1 else { return nil }
    let version = bytes.number(at: 0, as: UInt8.self)
    let isAnswer =
      version == 0
      ? bytes.number(at: 2, as: UInt8.self) == 0
      : bytes.number(at: 1, as: UInt8.self) & 0x80 != 0
    return isAnswer ? version : nil
  }
}

extension PortMappingError.Refusal {
  /// What a result code of PCP other than success means (RFC 6887, 7.4).
  init(pcp code: UInt8) {
    switch code {
    case 2: self = .notAuthorized
    case 4, 5, 9: self = .unsupported
    case 7: self = .gatewayIsOffline
    case 8: self = .outOfResources
    case 10: self = .quotaExceeded
    case 11: self = .portsTaken
    case 12: self = .addressMismatch
    default: self = .other(code: Int(code))
    }
  }

  /// What a result code of NAT-PMP other than success means (RFC 6886, 3.5).
  init(natPMP code: UInt16) {
    switch code {
    case 1, 5: self = .unsupported
    case 2: self = .notAuthorized
    case 3: self = .gatewayIsOffline
    case 4: self = .outOfResources
    default: self = .other(code: Int(code))
    }
  }

  /// What an error number of UPnP means (WANIPConnection:1, 2.4.16; WANIPConnection:2, 2.5.16).
  init(upnp code: Int) {
    switch code {
    case 606: self = .notAuthorized
    case 718: self = .portsTaken
    case 728: self = .outOfResources
    case 401, 402, 602: self = .unsupported
    default: self = .other(code: code)
    }
  }
}

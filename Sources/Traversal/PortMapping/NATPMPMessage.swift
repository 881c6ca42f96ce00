import WarrenMachine

/// What is asked by NAT-PMP (RFC 6886, 3.2 and 3.3).
enum NATPMPRequest: Hashable, Sendable {
  /// The gateway's outside address.
  case address
  /// An outside port; a lifetime of 0 gives it back.
  case map(TransportProtocol, localPort: UInt16, suggestedPort: UInt16, lifetime: UInt32)

  @_lifetime(span: copy span)
  func write(to span: inout OutputRawSpan) {
    switch self {
    case .address: span.append(number: UInt16(0))
    case .map(let transport, let localPort, let suggestedPort, let lifetime):
      span.append(number: UInt32(transport.natPMPOpcode) << 16)
      span.append(number: localPort)
      span.append(number: suggestedPort)
      span.append(number: lifetime)
    }
  }
}

/// An answer by NAT-PMP.
struct NATPMPAnswer: Hashable, Sendable {
  var result: UInt16
  var epoch: UInt32
  var body: Body

  /// What an answer is about. An error may end behind its result, and then says nothing more.
  enum Body: Hashable, Sendable {
    case address(IPAddress?)
    case mapping(TransportProtocol, Mapping?)
  }

  struct Mapping: Hashable, Sendable {
    var localPort: UInt16
    var outsidePort: UInt16
    var lifetime: UInt32
  }

  /// Reads an answer (RFC 6886, 3.2, 3.3 and 3.5).
  init(_ bytes: RawSpan) throws(AnswerFault) {
    guard bytes.byteCount >= 2 else { throw .truncated }
    guard bytes.number(at: 0, as: UInt8.self) == 0 else { throw .wrongVersion }
    let opcode = bytes.number(at: 1, as: UInt8.self)
    guard opcode & 0x80 != 0 else { throw .notAnAnswer }
    guard opcode <= 130 else { throw .wrongOpcode }
    guard bytes.byteCount >= 8 else { throw .truncated }
    result = bytes.number(at: 2, as: UInt16.self)
    epoch = bytes.number(at: 4, as: UInt32.self)
    let size = opcode == 128 ? 12 : 16
    let isWhole = bytes.byteCount >= size
    guard isWhole || result != 0 else { throw .truncated }
    if opcode == 128 {
      body = .address(isWhole ? IPAddress(v4: bytes.number(at: 8, as: UInt32.self)) : nil)
      return
    }
    let mapping =
      isWhole
      ? Mapping(
        localPort: bytes.number(at: 8, as: UInt16.self), outsidePort: bytes.number(at: 10, as: UInt16.self),
        lifetime: bytes.number(at: 12, as: UInt32.self)) : nil
    body = .mapping(opcode == 129 ? .udp : .tcp, mapping)
  }
}

extension TransportProtocol {
  fileprivate var natPMPOpcode: UInt8 { self == .udp ? 1 : 2 }
}

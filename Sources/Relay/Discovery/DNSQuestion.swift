/// A question to a name server: where a service is (RFC 1035, 4; RFC 2782).
struct DNSQuestion: Hashable, Sendable {
  var service: DNSName
  /// Drawn by chance, as only an answer to this one has it.
  var id: UInt16

  static let serviceType: UInt16 = 33
  static let aliasType: UInt16 = 5
  static let internet: UInt16 = 1

  /// One question, with the wish that the server asks others if it has to.
  var encoded: [UInt8] {
    let words: [UInt16] = [id, 0x0100, 1, 0, 0, 0]
    let kind: [UInt16] = [Self.serviceType, Self.internet]
    return words.flatMap(\.bytes) + service.encoded + kind.flatMap(\.bytes)
  }

  /// The same as it goes over TCP: behind its length (RFC 1035, 4.2.2).
  var framed: [UInt8] { UInt16(encoded.count).bytes + encoded }
}

extension UInt16 {
  fileprivate var bytes: [UInt8] { [UInt8(self >> 8), UInt8(self & 0xFF)] }
}

import WarrenMachine
import WarrenQUIC

/// What the first bytes of a stream say on which something is forwarded, behind its mark: which port is meant. The answer is a zero, or why
/// not.
struct ForwardRequest: Hashable, Sendable {
  static let byteCount = 3

  let transport: TransportProtocol
  let port: UInt16

  var encoded: [UInt8] { [transport.rawValue, UInt8(port >> 8), UInt8(port & 255)] }

  init(transport: TransportProtocol, port: UInt16) {
    (self.transport, self.port) = (transport, port)
  }

  init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount, let transport = TransportProtocol(rawValue: bytes[0]) else {
      return nil
    }
    self.init(transport: transport, port: UInt16(bytes[1]) << 8 | UInt16(bytes[2]))
  }

  /// What is answered: nil for yes.
  static func encoded(_ refusal: ForwardError?) -> [UInt8] {
    guard let refusal else { return [0] }
    let reason = Array(refusal.reason.utf8.prefix(ForwardLimits.reasonBytes))
    return [refusal.code.rawValue, UInt8(reason.count >> 8), UInt8(reason.count & 255)] + reason
  }

  /// Reads the answer, and throws where it is no.
  static func readAnswer(from stream: Connection.Stream) async throws {
    let code = try await stream.read(exactly: 1)[0]
    if code == 0 { return }
    let head = try await stream.read(exactly: 2)
    let count = Int(head[0]) << 8 | Int(head[1])
    guard let code = ForwardError.Code(rawValue: code), count <= ForwardLimits.reasonBytes else {
      throw ForwardError(.badMessage, "the other side answers what makes no sense")
    }
    let reason = String(decoding: try await stream.read(exactly: count), as: UTF8.self)
    throw ForwardError(code, "the other side: \(reason.undisturbing)")
  }
}

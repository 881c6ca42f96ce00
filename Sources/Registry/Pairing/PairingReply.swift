import WarrenMachine

/// What a client of the pairing is told, as it reads it.
package struct PairingReply: Sendable {
  /// Where the other one is; nil where there is none.
  package var address: SocketAddress?
  /// Why there is none.
  package var reason: String

  private struct Fields: Decodable {
    var address: String?
    var error: String?

    private enum CodingKeys: String, CodingKey {
      case address = "peer_address"
      case error
    }
  }

  /// What `bytes` say.
  package init(_ bytes: [UInt8]) throws(RegistryError) {
    let fields: Fields
    do throws(JSONError) {
      fields = try JSON.decode(Fields.self, from: bytes)
    } catch {
      throw RegistryError(.badMessage, "this is no server that pairs: \(error.reason)")
    }
    address = fields.address.flatMap { try? SocketAddress($0) }
    reason = fields.error ?? "it names no address"
  }
}

extension PairingQuestion {
  /// What a client says that is to be connected over TCP.
  ///
  /// - Parameter expected: from where the other one comes, unspecified for anywhere; nil for one who asks and does not wait.
  package static func text(key: String, expecting expected: IPAddress?) -> [UInt8] {
    let question: JSONValue = .object([
      ("uuid", .text(key)), ("target_ip", .text(expected.map { "\($0)" } ?? "")), ("protocol", .text("tcp")),
      ("address", .text("")),
    ])
    return question.bytes + [UInt8(ascii: "\n")]
  }
}

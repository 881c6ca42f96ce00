import WarrenMachine

/// What a client of the pairing says: `{"uuid","target_ip","protocol","address"}`.
package struct PairingQuestion: Decodable, Sendable {
  /// The key.
  package var uuid: String?
  /// Who says from where the other one must come waits for it; who does not asks for one who waits.
  package var targetIP: String?
  /// `udp` or `tcp`; who asks may leave it to the one who waits.
  package var `protocol`: String?
  /// Where it may be reached over UDP. Over TCP that is where it asks from.
  package var address: String?

  private enum CodingKeys: String, CodingKey {
    case uuid
    case targetIP = "target_ip"
    case `protocol`
    case address
  }

  /// What `bytes` say.
  package init(_ bytes: [UInt8]) throws(RegistryError) {
    do throws(JSONError) {
      self = try JSON.decode(PairingQuestion.self, from: bytes)
    } catch {
      throw RegistryError(
        .badMessage,
        "\(error.reason): it is {\"uuid\": …, \"target_ip\": …, \"protocol\": …, \"address\": …}, each of them a text"
      )
    }
  }

  var key: String { uuid ?? "" }

  /// For whom it waits; nil where it does not, but asks.
  ///
  /// Any address at all, 0.0.0.0 or ::, stands for anybody: who is behind the same NAT, or has IPv6, may not know from
  /// where the other comes.
  func expectation() throws(RegistryError) -> Expectation? {
    guard let text = targetIP, !text.isEmpty else { return nil }
    guard let ip = try? IPAddress(text) else {
      throw RegistryError(
        .badAddress, "\(quoted(text)) is no IP address: it is the other side's, or 0.0.0.0 for anybody's")
    }
    return Expectation(from: ip.isUnspecified ? nil : ip)
  }

  struct Expectation {
    var from: IPAddress?
  }

  /// What it offers, the likelier first: where it may be reached over what it names, or over both.
  func offers(
    from caller: SocketAddress, expecting expected: IPAddress? = nil
  ) throws(RegistryError) -> [PairingDesk.Offer] {
    let overTCP = PairingDesk.Offer(
      .tcp, at: SocketAddress(caller.ip.canonical, port: caller.port), expecting: expected)
    switch (`protocol` ?? "").lowercased() {
    case "tcp": return [overTCP]
    case "udp":
      return [PairingDesk.Offer(.udp, at: try addressOverUDP(of: caller.ip), expecting: expected)]
    case "":
      guard address?.isEmpty == false else { return [overTCP] }
      return [PairingDesk.Offer(.udp, at: try addressOverUDP(of: caller.ip), expecting: expected), overTCP]
    case let other:
      throw RegistryError(.badMessage, "the protocol is udp or tcp, not \(quoted(other))")
    }
  }

  /// The other side sends there some hundred times: so it must be the caller's own, and no victim's.
  private func addressOverUDP(of caller: IPAddress) throws(RegistryError) -> SocketAddress {
    guard let text = address, let named = try? SocketAddress(text), named.port != 0 else {
      throw RegistryError(
        .badAddress,
        "\(quoted(address ?? "")) is no address and port: it is what this server's echo over UDP says")
    }
    guard named.ip.canonical == caller.canonical else {
      throw RegistryError(
        .badAddress,
        "\(named) is not this client's: over UDP it must come from \(caller.canonical), as it does over TCP")
    }
    return SocketAddress(named.ip.canonical, port: named.port)
  }
}

/// What it is told: `{"protocol","peer_address"}`, or `{"protocol","error"}`.
enum PairingAnswer {
  case other(PairingDesk.Offer)
  case refusal(RegistryError)

  /// One line.
  var bytes: [UInt8] {
    let json: JSONValue =
      switch self {
      case .other(let offer):
        [
          "protocol": offer.transport == .udp ? "udp" : "tcp",
          "peer_address": .text(offer.address.description),
        ]
      case .refusal(let error): ["protocol": "", "error": .text(error.reason)]
      }
    return json.bytes + [UInt8(ascii: "\n")]
  }
}

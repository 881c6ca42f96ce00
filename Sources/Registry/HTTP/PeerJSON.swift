import WarrenCrypto
import WarrenMachine

/// A registration as JSON: `{"id","candidates":[{"ip","port"}]}`. What else is there is nobody's concern.
struct PeerJSON: Decodable {
  struct Candidate: Decodable {
    var ip: String
    var port: Int
  }

  var id: String
  /// Some write an empty list as null.
  var candidates: [Candidate]?

  /// What `bytes` say.
  init(_ bytes: [UInt8]) throws(RegistryError) {
    do throws(JSONError) {
      self = try JSON.decode(PeerJSON.self, from: bytes)
    } catch {
      throw RegistryError(
        .badMessage, "\(error.reason): it is {\"id\": …, \"candidates\": [{\"ip\": …, \"port\": …}]}")
    }
  }

  /// Where it may be reached.
  func addresses() throws(RegistryError) -> [SocketAddress] {
    var addresses: [SocketAddress] = []
    for candidate in candidates ?? [] {
      guard let ip = try? IPAddress(candidate.ip) else {
        throw RegistryError(.badAddress, "\(quoted(candidate.ip)) is no IP address")
      }
      guard let port = UInt16(exactly: candidate.port) else {
        throw RegistryError(.badAddress, "\(candidate.port) is no port")
      }
      addresses.append(SocketAddress(ip.canonical, port: port))
    }
    return addresses
  }
}

extension JSONValue {
  /// Who is registered, by name, or by key where it has none; and where, unless it wants to be asked first, which nobody can be here.
  static func peer(_ registration: Registration) -> JSONValue {
    let id =
      switch registration.owner {
      case .key(let key): registration.name?.text ?? key.description
      case .address(_, let name): name.text
      }
    let candidates = registration.addressesForStrangers.map { address -> JSONValue in
      ["ip": .text(address.ip.description), "port": .number(Int(address.port))]
    }
    return ["id": .text(id), "candidates": .list(candidates)]
  }
}

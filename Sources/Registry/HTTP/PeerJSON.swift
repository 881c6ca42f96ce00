import WarrenCrypto
import WarrenMachine

/// A registration as JSON: `{"id","candidates":[{"ip","port"}]}`. What else is there is nobody's concern.
struct PeerJSON: Codable {
  struct Candidate: Codable {
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
        .badRequest, "\(error.reason): it is {\"id\": …, \"candidates\": [{\"ip\": …, \"port\": …}]}")
    }
  }

  /// Who is registered, by name, or by key where it has none.
  init(_ registration: Registration) {
    switch registration.owner {
    case .key(let key): id = registration.name?.text ?? key.description
    case .address(_, let name): id = name.text
    }
    candidates = registration.addresses.map { Candidate(ip: $0.ip.description, port: Int($0.port)) }
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

/// What who has registered is told.
struct RegisteredJSON: Encodable {
  var status = "registered"
  /// The addresses that nobody is told; nil where there is none.
  var ignored: [String]?

  init(ignored: [SocketAddress]) { self.ignored = ignored.isEmpty ? nil : ignored.map(\.description) }
}

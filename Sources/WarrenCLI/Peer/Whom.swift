import Warren

/// Somebody to connect with, as a person names it: `bob`, `KEY`, `KEY@ADDRESS` or `ADDRESS`.
enum Whom: Sendable {
  /// Whoever is called so at the registry.
  case name(String)
  case key(PeerID, at: [SocketAddress])
  /// Whoever is there.
  case address(SocketAddress)

  init(_ text: String) throws {
    if let place = try Self(place: text) {
      self = place
    } else {
      _ = try RegistryName(text)
      self = .name(text)
    }
  }

  /// Somebody whom no registry need know; nil where the text is neither a key nor an address.
  init?(place text: String) throws {
    if let at = text.firstIndex(of: "@") {
      self = .key(
        try PeerID(reading: String(text[..<at])), at: [try SocketAddress(text[text.index(after: at)...])])
    } else if let key = PeerID(text) {
      self = .key(key, at: [])
    } else if let address = try? SocketAddress(text) {
      self = .address(address)
    } else {
      return nil
    }
  }
}

extension Peer {
  /// Connects with somebody, however a person has named it.
  func connect(to whom: Whom) async throws -> Connection {
    switch whom {
    case .name(let name): try await connect(to: name)
    case .key(let key, let addresses): try await connect(to: key, at: addresses)
    case .address(let address): try await connect(at: [address])
    }
  }
}

extension Whom: CustomStringConvertible {
  var description: String {
    switch self {
    case .name(let name): name
    case .key(let key, let addresses): "\(key)" + (addresses.first.map { "@\($0)" } ?? "")
    case .address(let address): "\(address)"
    }
  }
}

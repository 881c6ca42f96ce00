import Warren
import WarrenOptions

extension ValueKind where Value == RegistryAddress {
  /// Where a registry is.
  static var registry: ValueKind {
    ValueKind("ADDRESS", expected: "a registry", example: "warren://registry.example.org") {
      try RegistryAddress($0)
    }
  }
}

extension ValueKind where Value == RelayServerAddress {
  /// A relay.
  static var relay: ValueKind {
    ValueKind("URI", expected: "a relay", example: "turn:relay.example.org:3478?transport=udp") {
      try RelayServerAddress($0)
    }
  }
}

extension ValueKind where Value == SocketAddress {
  /// An IP address with a port.
  static var address: ValueKind {
    ValueKind("ADDRESS", expected: "an IP address with a port", example: "192.0.2.1:4433") {
      try SocketAddress($0)
    }
  }
}

extension ValueKind where Value == IPAddress {
  /// An IP address.
  static var ip: ValueKind {
    ValueKind("IP", expected: "an IP address", example: "192.0.2.1") { try IPAddress($0) }
  }
}

extension ValueKind where Value == IPPrefix {
  /// A block of addresses.
  static var prefix: ValueKind {
    ValueKind("PREFIX", expected: "a block of addresses", example: "192.168.0.0/16") { try IPPrefix($0) }
  }
}

extension ValueKind where Value == Whom {
  /// Somebody to connect with.
  static var whom: ValueKind {
    ValueKind("PEER", expected: "a name, a key, KEY@ADDRESS or an address", example: "bob") { try Whom($0) }
  }
}

extension ValueKind where Value == Mesh.Bootstrap {
  /// By whom a mesh is found.
  static var bootstrap: ValueKind {
    ValueKind("PEER", expected: "a key or an address", example: "192.0.2.1:4433") {
      try MeshChat.bootstrap($0)
    }
  }
}

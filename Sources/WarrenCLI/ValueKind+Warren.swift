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

extension ValueKind where Value == Mesh.Bootstrap {
  /// By whom a mesh is found.
  static var bootstrap: ValueKind {
    ValueKind("PEER", expected: "a key or an address", example: "192.0.2.1:4433") {
      try MeshChat.bootstrap($0)
    }
  }
}

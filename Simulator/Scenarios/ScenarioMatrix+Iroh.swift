import WarrenSimulator

extension ScenarioMatrix {
  /// The places of the matrix that iroh's own tests try in both directions (`iroh/tests/patchbay/nat.rs`), where moderate against strict, its
  /// mirror, and strict against strict are marked as not passing. No NAT there turns packets round.
  public static let irohPlaces: [(name: String, box: NATConfiguration?)] = [
    ("none", nil), ("open", .fullCone.changed { $0.hairpinning = .off }),
    ("moderate", .portRestrictedCone.changed { $0.hairpinning = .off }),
    ("strict", .symmetric.changed { $0.hairpinning = .off }),
  ]
}

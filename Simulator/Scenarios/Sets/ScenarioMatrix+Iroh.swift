import WarrenSimulator

extension ScenarioMatrix {
  /// The sixteen pairs that iroh's own tests try (`iroh/tests/patchbay/nat.rs`), where moderate against strict, its mirror, and strict against
  /// strict are marked as not passing. No NAT there turns packets round.
  public static let iroh = ScenarioMatrix(sites: [
    Site("none"), Site("open", .fullCone.changed { $0.hairpinning = .off }),
    Site("moderate", .portRestrictedCone.changed { $0.hairpinning = .off }),
    Site("strict", .symmetric.changed { $0.hairpinning = .off }),
  ])
}

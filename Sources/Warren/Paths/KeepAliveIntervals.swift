import WarrenMachine

/// How often something must be sent on a way, so that the mappings on it stay.
struct KeepAliveIntervals: Hashable {
  /// As long as nothing is known.
  var beginning: Duration
  /// What is known of each family, whose packets other boxes look at.
  var v4, v6: Duration?

  subscript(family: IPAddress.Family) -> Duration {
    (family == .v4 ? v4 : v6) ?? beginning
  }
}

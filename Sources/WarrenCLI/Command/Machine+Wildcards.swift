import Warren

extension Machine {
  /// All of its addresses, as one of each family that it has.
  func wildcards() throws -> [IPAddress] {
    let families = Set(try interfaces().flatMap(\.addresses).map(\.ip.family))
    return [IPAddress.Family.v4, .v6].filter(families.contains).map { .any($0) }
  }
}

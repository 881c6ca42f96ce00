/// What a registry was asked for since it began, and what came of it.
public struct RegistryCounters: Hashable, Sendable {
  /// Registrations that were taken, those that only said the same again among them.
  public internal(set) var registrations = 0
  /// Owners who said that they are still there.
  public internal(set) var renewals = 0
  /// Owners who went.
  public internal(set) var withdrawals = 0
  /// Look-ups that found somebody.
  public internal(set) var found = 0
  /// Look-ups that found nobody.
  public internal(set) var notFound = 0
  /// Pages of the list that were handed out.
  public internal(set) var lists = 0
  /// Registrations and renewals that were refused, by reason.
  public internal(set) var refusals: [RegistryError.Code: Int] = [:]

  mutating func refuse(_ error: RegistryError) { refusals[error.code, default: 0] += 1 }

  mutating func count(_ found: Registration?) {
    if found == nil { notFound += 1 } else { self.found += 1 }
  }
}

import WarrenMachine

extension ICECore {
  /// Begins anew with other credentials, through the same sockets (RFC 8445, 9); the other side does too, and tells of
  /// its new ones by ``setRemote(_:headStart:at:)``.
  ///
  /// What was used is used on until there is something new, but no longer than consent lasts.
  public mutating func restart(with credentials: ICECredentials, at now: Instant) {
    guard !isClosed else { return }
    var fresh = ICECore(configuration, role: role, credentials: credentials, random: random)
    fresh.counters = counters
    fresh.knownMapped = knownMapped
    fresh.events = events
    fresh.previous =
      selectedPair.map { (path($0), now.advanced(by: configuration.consentLifetime)) } ?? previous
    for var base in bases {
      // What a search has found is as good as any other now.
      base.pairsWithAll = true
      _ = fresh.addBase(base, at: now)
    }
    self = fresh
  }

  mutating func endPrevious(at now: Instant) {
    guard let old = previous, old.until <= now else { return }
    previous = nil
    events.append(.lost(old.path))
  }
}

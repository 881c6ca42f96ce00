import WarrenMachine
import WarrenSTUN

extension PunchCore {
  /// Looks for all ways anew, with new credentials: the other side is told, and does the same. What was found is used
  /// until there is something new. Of its own addresses, only those that are known now are told.
  ///
  /// Where the credentials follow from a pairing key there are no others.
  public mutating func restart(at now: Instant) {
    guard hasDescribed, configuration.pairingKey == nil else { return }
    answering = nil
    forgetRemote(keeping: ICECredentials(using: &random), at: now)
    hasRemote = false
    gatherAnew(trustingMappings: false, at: now)
  }

  /// The other side has begun anew: so does this one.
  ///
  /// - Returns: whether that is possible, and not too soon.
  mutating func beginAnew(at now: Instant) -> Bool {
    guard configuration.pairingKey == nil else { return false }
    if let earliest = mayRestartAt, earliest > now { return false }
    restartsUntil = max(restartsUntil ?? now, now).advanced(by: PunchLimits.restartInterval)
    forgetRemote(keeping: ICECredentials(using: &random), at: now)
    gatherAnew(trustingMappings: true, at: now)
    return true
  }

  /// The other side has begun anew because of what this side told of itself last: that stays as it was.
  mutating func beginAnewUnderThisName(at now: Instant) {
    let own = search.own
    forgetRemote(keeping: ice.credentials, at: now)
    if let own, own.report.round == 0 { search.own = own } else { beginSampling(at: now) }
  }

  /// So many at once, and so many in the long run.
  var mayRestartAt: Instant? {
    restartsUntil?.advanced(by: PunchLimits.restartInterval * -(PunchLimits.restartsAtOnce - 1))
  }

  /// Takes a description that came too soon, now that it does not any more.
  mutating func takeDeferred(at now: Instant) {
    guard let signal = deferred, case .description(let description) = signal.content,
      mayRestartAt.map({ $0 <= now }) ?? true
    else { return }
    deferred = nil
    take(description, answering: signal.answering, at: now)
  }

  /// Forgets what it knows of the other side, and what was opened to find it.
  mutating func forgetRemote(keeping credentials: ICECredentials, at now: Instant) {
    ice.restart(with: credentials, at: now)
    search = SearchState()
    discardExtraSockets(at: now)
    firstDial += dials.count
    dials = []
    dueDials = []
    primers = []
    mendsAt = nil
    hopeless = nil
    isComplete = false
  }

  /// Tells the other side of everything that is known, and looks for more.
  private mutating func gatherAnew(trustingMappings: Bool, at now: Instant) {
    hasDescribed = false
    candidates = []
    for base in liveBases where bases[base].channel.isSocket { tell(ice.bases[base].candidate) }
    for listener in listeners { tellListener(listener.port, listener.addresses) }
    for mapping in mappings { tellMapping(mapping.outside, mapping.transport, mapping.localPort) }
    if trustingMappings {
      for query in queries where !ice.bases[query.base].isGone {
        if case .answered(let mapped, _) = query.state { tellMapped(mapped, of: query.base) }
      }
    }
    queries = []
    dueQueries = []
    for base in liveBases where bases[base].channel.isSocket && ice.bases[base].candidate.kind == .host {
      ask(from: base, at: now)
    }
    describe()
    beginSampling(at: now)
    completeIfDone()
  }
}

import WarrenMachine
import WarrenSTUN

extension PunchCore {
  /// Looks for all ways anew, with new credentials: the other side is told, and does the same. What was found is used
  /// until there is something new. Of its own addresses, only those that are known now are told.
  ///
  /// Where the credentials follow from a pairing key there are no others.
  public mutating func restart(at now: Instant) {
    guard hasRemote, beginAnew(forgettingCandidates: true, at: now) else { return }
    hasRemote = false
  }

  /// Forgets the other side, and tells it of new credentials.
  ///
  /// - Returns: whether that is possible.
  mutating func beginAnew(forgettingCandidates: Bool = false, at now: Instant) -> Bool {
    guard configuration.pairingKey == nil, mayRestart(at: now) else { return false }
    ice.restart(with: ICECredentials(using: &random), at: now)
    search = SearchState()
    discardExtraSockets(at: now)
    dials = []
    dueDials = []
    primers = []
    mendsAt = nil
    hopeless = nil
    hasDescribed = false
    if forgettingCandidates {
      candidates = []
      for base in liveBases where bases[base].channel.isSocket { tell(ice.bases[base].candidate) }
    }
    queries = []
    dueQueries = []
    for base in liveBases where bases[base].channel.isSocket && ice.bases[base].candidate.kind == .host {
      ask(from: base, at: now)
    }
    isComplete = false
    describe()
    beginSampling(at: now)
    completeIfDone()
    return true
  }

  /// So many at once, and so many in the long run.
  private mutating func mayRestart(at now: Instant) -> Bool {
    let until = max(restartsUntil ?? now, now).advanced(by: PunchLimits.restartInterval)
    guard now.duration(to: until) <= PunchLimits.restartInterval * PunchLimits.restartsAtOnce else {
      return false
    }
    restartsUntil = until
    return true
  }
}

import WarrenMachine
import WarrenSTUN

extension PunchCore {
  /// Looks for all ways anew, with new credentials: the other side is told, and does the same. What was found is used
  /// until there is something new.
  ///
  /// Where the credentials follow from a pairing key there are no others.
  public mutating func restart(at now: Instant) {
    guard hasRemote else { return }
    if beginAnew(at: now) { hasRemote = false }
  }

  /// Forgets the other side, and tells it of new credentials.
  ///
  /// - Returns: whether that is possible.
  mutating func beginAnew(at now: Instant) -> Bool {
    guard configuration.pairingKey == nil, restarts < PunchLimits.restarts else { return false }
    restarts += 1
    ice.restart(with: ICECredentials(using: &random), at: now)
    endSearch()
    let closing = search.socketsToClose
    search = SearchState()
    search.socketsToClose = closing
    dials = []
    dueDials = []
    primers = []
    mendsAt = nil
    for query in queries.indices where !queries[query].isPending {
      queries[query] = ReflexiveQuery(
        base: queries[query].base, server: queries[query].server, id: TransactionID(using: &random), at: now)
      dueQueries.append(query)
    }
    isComplete = false
    describe()
    beginSampling(at: now)
    completeIfDone()
    return true
  }
}

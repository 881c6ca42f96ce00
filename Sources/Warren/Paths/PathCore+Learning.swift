import WarrenMachine
import WarrenQUIC

/// Ways that are known because the other side has asked there.
extension PathCore {
  /// How many more of them may be learnt at once, and since when.
  struct Learning {
    var room = PathLimits.learntAtOnce
    var since: Instant
  }

  /// The other side has asked on this way.
  ///
  /// Where the NATs on both sides have another port for each of the other's, and let in whoever comes, each question comes on a way that
  /// nobody knew, and so does what is asked there in turn, without end: a few are learnt at once, and then one each second.
  mutating func learn(_ network: NetworkPath, _ kind: Path.Kind, at now: Instant) {
    if place(of: network) == nil {
      let new = Int(learning.since.duration(to: now) / PathLimits.learningInterval)
      if new > 0 {
        learning.room = min(learning.room + new, PathLimits.learntAtOnce)
        learning.since = now
      }
      guard learning.room > 0 else { return }
      learning.room -= 1
    }
    add(network, kind, at: now)
  }
}

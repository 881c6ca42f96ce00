import WarrenMachine
import WarrenQUIC

/// Ways that are known because the other side has asked there.
extension PathCore {
  /// The other side has asked on this way.
  ///
  /// Where the NATs on both sides have another port for each of the other's, and let in whoever comes, each question comes on a way that
  /// nobody knew, and so does what is asked there in turn, without end: a few are learnt at once, and then one each second.
  mutating func learn(_ network: NetworkPath, _ kind: Path.Kind, at now: Instant) {
    if place(of: network) == nil, learning.take(at: PathLimits.learning, now) != nil { return }
    add(network, kind, at: now)
  }
}

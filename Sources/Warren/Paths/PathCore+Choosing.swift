import WarrenMachine
import WarrenQUIC

/// Which way the connection is to take.
extension PathCore {
  /// How long a change to a way may take.
  func patience(with network: NetworkPath) -> Duration {
    max(PathLimits.changing, (place(of: network).flatMap { entries[$0].roundTrip } ?? .zero) * 4)
  }

  func place(of network: NetworkPath) -> Int? {
    entries.firstIndex { $0.network.isSame(as: network) }
  }

  /// Whether nothing leads to the other side, as far as is known.
  var isLost: Bool { outlook.isLost }

  /// Whether the way in use is one of those that lead nowhere.
  var isSilent: Bool { isLost && place(of: used).map { entries[$0].state == .silent } ?? false }

  /// Of what kind a known way is.
  func kind(of network: NetworkPath) -> Path.Kind? { place(of: network).map { entries[$0].kind } }

  /// Where the side that cannot change ways wants to be met; nil where it does not mind.
  var wanted: NetworkPath? { canMove ? nil : moving?.to ?? (kind(of: used) == wish ? used : nil) }

  mutating func choose(at now: Instant) {
    guard let target = target(at: now), !target.isSame(as: used) else {
      moving = nil
      return
    }
    if let moving, moving.to.isSame(as: target) { return }
    moving = (target, now)
    if canMove {
      events.append(.go(target, atOnce: outlook.isLost))
    } else if let place = place(of: target) {
      ask(place, at: now)
    }
  }

  func target(at now: Instant) -> NetworkPath? {
    let usable = entries.indices.filter { place in
      if case .lost(let since) = outlook {
        return entries[place].state == .alive && entries[place].lastAnswer.map { $0 > since } ?? false
      }
      return entries[place].network.isSame(as: used) || entries[place].isTrusted(at: now)
    }
    if let wish, let place = best(usable.filter { entries[$0].kind == wish }) {
      return entries[place].network
    }
    if canMove, let othersWish,
      let place = usable.first(where: { entries[$0].network.isSame(as: othersWish) })
    {
      return entries[place].network
    }
    guard canMove || outlook.isLost, let least = usable.map({ entries[$0].worth }).min() else { return nil }
    return best(usable.filter { entries[$0].worth == least }).map { entries[$0].network }
  }

  /// The one in use, unless another has been better for long.
  func best(_ places: [Int]) -> Int? {
    if let own = places.first(where: { entries[$0].network.isSame(as: used) }) {
      return places.first { entries[$0].timesBetter >= PathLimits.betterTimes } ?? own
    }
    return places.min { (entries[$0].roundTrip ?? .zero) < (entries[$1].roundTrip ?? .zero) }
  }

  /// A way was measured: is it better than the one in use?
  mutating func compare(_ place: Int) {
    guard let own = self.place(of: used), own != place, let answer = entries[place].lastAnswer,
      entries[own].kind == entries[place].kind,
      let (mine, its) = entries[own].roundTrip.flatMap({ mine in entries[place].roundTrip.map { (mine, $0) } }
      )
    else { return }
    let isLong = lastChange.duration(to: answer) >= PathLimits.betterPause
    let isBetter = its < mine * (1 - PathLimits.betterShare) && mine - its >= PathLimits.betterTime
    entries[place].timesBetter = isBetter && isLong ? entries[place].timesBetter + 1 : 0
  }
}

extension PathEntry {
  /// The lower the better.
  var worth: Int { kind.rank * 2 + (isAging ? 1 : 0) }
}

extension Path.Kind {
  /// The lower the better: a relay costs somebody something, and TCP waits for what was lost.
  var rank: Int {
    switch self {
    case .direct: 0
    case .tcp: 1
    case .relayed: 2
    }
  }
}

import WarrenMachine
import WarrenSTUN

/// How long a silent mapping lives: many sockets are silent at once, each for another time (RFC 5780, 4.6).
///
/// The first two are not silent at all. If the server does not reach even those, it cannot answer to another port, or our
/// packets leave from several addresses; then each socket asks once more for its address when its silence ends, and
/// another one shows that the old mapping was gone. That shows nothing where ports are kept, and nothing of filters.
extension NATDiscoveryCore {
  mutating func beginResting(at now: Instant) {
    resting = silences.map { RestingSocket(silence: .seconds($0), at: now) }
    for place in resting.indices { ask(.rest(place), Socket.resting + place, server, at: now) }
  }

  /// A question of a resting socket's was answered, refused, or not answered.
  mutating func restingProbeEnded(_ probe: DiscoveryProbe, _ place: Int, at now: Instant) {
    switch (resting[place].state, probe.state) {
    case (.opening, .answered(let mapped?)), (.confirming, .answered(let mapped?)):
      resting[place].answered(mapped, at: now)
    case (.waking, .answered(let mapped)) where probe.responsePort == nil:
      compare(mapped, with: place, at: now)
    case (.waking, .answered):
      resting[place].state = .ended(.alive)
    case (.waking, .silent) where probe.responsePort != nil && !resting[place].isControl:
      resting[place].state = .ended(.gone(after: resting[place].lastSent.duration(to: now)))
    default:
      resting[place].giveUp()
    }
    endHopeless()
  }

  /// Whether the server can send to a resting socket; nil before that is known.
  private var canWake: Bool? {
    let controls = resting.filter(\.isControl)
    if controls.contains(where: { $0.state == .ended(.alive) }) { return true }
    return controls.allSatisfy(\.isOver) ? false : nil
  }

  /// Whether the socket is seen elsewhere than before its silence.
  private mutating func compare(_ mapped: SocketAddress?, with place: Int, at now: Instant) {
    comparedAny = true
    let socket = resting[place]
    guard let mapped, let outside = socket.outside else { return resting[place].giveUp() }
    if mapped != outside {
      resting[place].state = .ended(.gone(after: socket.lastSent.duration(to: now)))
    } else if keepsPort(of: place) {
      // A new mapping would look the same.
      resting[place].giveUp()
    } else {
      resting[place].state = .ended(.alive)
    }
  }

  private func keepsPort(of place: Int) -> Bool {
    guard let outside = resting[place].outside else { return true }
    if outside.port == ports[Socket.resting + place] { return true }
    return PortModel(fitting: sampling.samples)?.kind().allocation == .preserving
  }

  mutating func handleRestingDeadlines(at now: Instant) {
    for place in resting.indices {
      guard let deadline = resting[place].deadline, deadline <= now else { continue }
      switch resting[place].state {
      case .settling:
        resting[place].state = .confirming
        resting[place].lastSent = now
        forget(.rest(place))
        ask(.rest(place), Socket.resting + place, server, at: now)
      case .resting: wake(place, at: now)
      case .opening, .confirming, .waking, .ended: break
      }
    }
  }

  private mutating func wake(_ place: Int, at now: Instant) {
    guard let outside = resting[place].outside else { return resting[place].giveUp() }
    resting[place].state = .waking
    forget(.rest(place))
    if resting[place].isControl || (canWake == true && outside.ip == asker?.ip && !hasSeveralAddresses) {
      ask(.rest(place), Socket.asker, server, responsePort: outside.port, at: now)
    } else {
      ask(.rest(place), Socket.resting + place, server, at: now)
    }
  }

  private var hasSeveralAddresses: Bool {
    let seen = sampling.samples.map(\.outside.ip) + resting.compactMap(\.outside?.ip)
    return seen.contains { $0 != asker?.ip }
  }

  /// Does not wait for those who can only say what is known.
  private mutating func endHopeless() {
    let longest = longestAlive ?? .zero
    let gone = resting.filter { if case .ended(.gone) = $0.state { $0.silence > longest } else { false } }
    let needless =
      gone.count >= DiscoveryLimits.deadRests
      ? gone.map(\.silence).max() : isOpen ? .zero : nil
    guard let needless else { return }
    for place in resting.indices where resting[place].silence > needless { resting[place].giveUp() }
  }

  /// Whether nothing stands before this machine that could forget anything.
  private var isOpen: Bool { isTranslated == false && filtering == .endpointIndependent }

  private var longestAlive: Duration? {
    resting.filter { $0.state == .ended(.alive) }.map(\.silence).max()
  }

  /// Between what and what a mapping's life lies.
  var lifetime: NATReport.Lifetime? {
    let longest = longestAlive ?? .zero
    let gone = resting.compactMap { socket -> Duration? in
      guard case .ended(.gone(let after)) = socket.state, socket.silence > longest else { return nil }
      return after
    }
    // That a mapping lives when it was used just now says nothing: what is gone must be gone after the shortest silence.
    guard longest > .zero || isGoneAtOnce, !isOpen else { return nil }
    return NATReport.Lifetime(
      atLeast: longest, lessThan: gone.min(),
      isOfMappingAlone: comparedAny && filtering != .endpointIndependent)
  }

  private var isGoneAtOnce: Bool {
    guard case .ended(.gone)? = resting.first(where: { !$0.isControl })?.state else { return false }
    return true
  }
}

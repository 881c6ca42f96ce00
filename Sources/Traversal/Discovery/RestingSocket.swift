import WarrenMachine

/// A socket that says nothing for a while, so that one sees whether its mapping is still there.
struct RestingSocket {
  /// How far it has come.
  enum State: Hashable {
    /// It makes its mapping.
    case opening
    /// It has been answered, and is going to use the mapping once more.
    case settling(until: Instant)
    /// It uses it once more.
    case confirming
    /// It says nothing.
    case resting(until: Instant)
    /// The server is asked to send to it, or it asks again for its address.
    case waking
    case ended(Ending)
  }

  /// What was seen in the end.
  enum Ending: Hashable {
    /// The mapping was there at the end of the silence.
    case alive
    /// It was gone after so long.
    case gone(after: Duration)
    /// Nothing can be said, or nobody wants to know any more.
    case unknown
  }

  /// How long it is to be silent.
  let silence: Duration
  var state = State.opening
  /// Where the world saw it before.
  var outside: SocketAddress?
  /// Nothing has left it since, but for repetitions of what left then.
  var lastSent: Instant

  init(silence: Duration, at now: Instant) {
    self.silence = silence
    lastSent = now
  }

  var deadline: Instant? {
    switch state {
    case .settling(let until), .resting(let until): until
    case .opening, .confirming, .waking, .ended: nil
    }
  }

  /// Whether it is not silent at all, and only shows what the server can do.
  var isControl: Bool { silence == .zero }

  var isOver: Bool { if case .ended = state { true } else { false } }

  /// The server has answered a question that made or used the mapping.
  mutating func answered(_ mapped: SocketAddress, at now: Instant) {
    switch state {
    case .opening: state = .settling(until: now.advanced(by: DiscoveryLimits.settling))
    case .confirming:
      outside = mapped
      state = .resting(until: now.advanced(by: silence))
    case .settling, .resting, .waking, .ended: break
    }
  }

  /// Nothing can be said of it.
  mutating func giveUp() { if !isOver { state = .ended(.unknown) } }
}

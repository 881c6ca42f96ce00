import WarrenMachine
import WarrenSTUN

/// Finds out for how long a mapping is kept that nobody uses, without I/O: several sockets rest at once, each for another time,
/// and then the server is asked to send to them (RFC 5780, 4.6).
///
/// ```
///   opening ──2.5 s after the answer──► confirming ──answered──► resting ──its time is over──► waking ──► alive, or gone
/// ```
///
/// Its first socket asks for the others; the second does not rest, and only shows that the server does as it is asked.
public struct MappingLifetimeCore {
  /// What was found out.
  public enum Outcome: Hashable, Sendable {
    /// After so much silence a mapping was still there; after the next longer one it was not, or no longer one was tried.
    case atLeast(Duration)
    /// The server does not send to other ports, does not answer, or what stands before this machine has several addresses.
    case unknown
  }

  /// A datagram to be sent.
  public struct Transmit: Hashable, Sendable {
    /// By which socket.
    public var socket: Int
    /// Where to.
    public var destination: SocketAddress
  }

  private static let asker = 0
  private static let firstResting = 1

  /// How many sockets it needs.
  public let socketCount: Int
  /// What was found out; nil while it goes on.
  public private(set) var outcome: Outcome?

  private let server: SocketAddress
  private var random: any RandomNumberGenerator
  private var resting: [RestingSocket]
  private var probes: [DiscoveryProbe] = []
  /// Where the world sees the socket that asks for the others.
  private var asker: SocketAddress?

  /// Asks this server.
  ///
  /// - Parameter silences: for how long the sockets are to rest, the shortest first.
  public init(
    _ server: SocketAddress, silences: [Duration] = DiscoveryLimits.unusedLives,
    random: any RandomNumberGenerator, at now: Instant
  ) {
    self.server = server
    self.random = random
    resting = ([.zero] + silences).map { RestingSocket(silence: $0, at: now) }
    socketCount = Self.firstResting + resting.count
    ask(.first, Self.asker, at: now)
    for place in resting.indices { ask(.rest(place), Self.firstResting + place, at: now) }
  }

  private mutating func ask(
    _ purpose: DiscoveryProbe.Purpose, _ socket: Int, responsePort: UInt16? = nil, at now: Instant
  ) {
    probes.append(
      DiscoveryProbe(
        purpose: purpose, socket: socket, destination: server, id: TransactionID(using: &random),
        responsePort: responsePort, timer: STUNRequestTimer(DiscoveryLimits.patience, sentAt: now)))
  }

  // MARK: Packets and time

  /// Takes a datagram that came to a socket.
  public mutating func receive(
    _ bytes: RawSpan, on socket: Int, from source: SocketAddress, at now: Instant
  ) {
    guard outcome == nil, source == server, let message = try? STUNMessage(bytes), message.method == .binding,
      let place = probes.firstIndex(where: { $0.id == message.transactionID && !$0.isOver })
    else { return }
    switch (message.messageClass, probes[place].purpose) {
    case (.failure, _): probes[place].state = .refused
    case (.success, .rest(let number)):
      // It counts only where it was to go.
      let isThere = socket == Self.firstResting + number
      probes[place].state = isThere ? .answered(message.mappedAddress) : .refused
    case (.success, _): probes[place].state = .answered(message.mappedAddress)
    case (.request, _), (.indication, _): return
    }
    ended(probes.remove(at: place), at: now)
    finish()
  }

  /// Writes the next datagram, and says where it goes.
  public mutating func pollTransmit(into message: inout STUNMessageWriter) -> Transmit? {
    guard outcome == nil, let place = probes.firstIndex(where: \.isDue) else { return nil }
    probes[place].isDue = false
    probes[place].write(into: &message)
    return Transmit(socket: probes[place].socket, destination: probes[place].destination)
  }

  /// When to call ``handleDeadline(at:)``.
  public var nextDeadline: Instant? {
    guard outcome == nil else { return nil }
    let rests = resting.lazy.compactMap(\.deadline).min()
    return [rests, probes.lazy.map(\.timer.deadline).min()].compactMap { $0 }.min()
  }

  /// Takes the time.
  public mutating func handleDeadline(at now: Instant) {
    guard outcome == nil else { return }
    var silent: [DiscoveryProbe] = []
    for place in probes.indices {
      switch probes[place].timer.handleDeadline(at: now) {
      case .sendAgain?: probes[place].isDue = true
      case .timedOut?:
        probes[place].state = .silent
        silent.append(probes[place])
      case nil: break
      }
    }
    probes.removeAll(where: \.isOver)
    for probe in silent { ended(probe, at: now) }
    for place in resting.indices {
      guard let deadline = resting[place].deadline, deadline <= now else { continue }
      if case .settling = resting[place].state { confirm(place, at: now) } else { wake(place, at: now) }
    }
    finish()
  }

  // MARK: One thing after the other

  private mutating func confirm(_ place: Int, at now: Instant) {
    resting[place].state = .confirming
    resting[place].lastSent = now
    ask(.rest(place), Self.firstResting + place, at: now)
  }

  private mutating func wake(_ place: Int, at now: Instant) {
    // From another address of this NAT's the server would send to somebody else.
    guard let outside = resting[place].outside, let asker, asker.ip == outside.ip else {
      return resting[place].giveUp()
    }
    resting[place].state = .waking
    ask(.rest(place), Self.asker, responsePort: outside.port, at: now)
  }

  /// What follows from the end of a question.
  private mutating func ended(_ probe: DiscoveryProbe, at now: Instant) {
    guard case .rest(let place) = probe.purpose else {
      asker = probe.mapped
      return
    }
    switch (resting[place].state, probe.state) {
    case (.opening, .answered(let mapped?)), (.confirming, .answered(let mapped?)):
      resting[place].answered(mapped, at: now)
    case (.waking, .answered): resting[place].state = .ended(.alive)
    case (.waking, .silent) where !resting[place].isControl:
      resting[place].state = .ended(.gone(after: resting[place].lastSent.duration(to: now)))
    default: resting[place].giveUp()
    }
  }

  private mutating func finish() {
    // A server that does not wake even whoever is awake says nothing of the others.
    if resting[0].isOver, resting[0].state != .ended(.alive) {
      outcome = .unknown
      return
    }
    let longest = resting.lazy.filter { $0.state == .ended(.alive) }.map(\.silence).max() ?? .zero
    // One alone may have been lost.
    let gone = resting.count {
      if case .ended(.gone) = $0.state { $0.silence > longest } else { false }
    }
    guard gone >= DiscoveryLimits.deadRests || resting.allSatisfy(\.isOver) else { return }
    outcome = longest > .zero ? .atLeast(longest) : .unknown
  }
}

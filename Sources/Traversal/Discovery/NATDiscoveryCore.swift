import WarrenMachine
import WarrenSTUN

/// Finds out what the NATs before a machine do, without I/O (RFC 5780, and a few more probes).
///
/// It has ``socketCount`` sockets, bound before ``begin(_:at:)``; what is found out about one is not spoilt by another.
public struct NATDiscoveryCore {
  /// The sockets by what they are for.
  enum Socket {
    static let samplers = 0..<DiscoveryLimits.samplers
    static let filters = samplers.upperBound..<samplers.upperBound + 2
    static let hairpins = filters.upperBound..<filters.upperBound + 2
    static let asker = hairpins.upperBound
    static let resting = asker + 1
  }

  /// A datagram to be sent.
  public struct Transmit: Hashable, Sendable {
    /// By which socket.
    public var socket: Int
    /// Where to.
    public var destination: SocketAddress
  }

  let server: SocketAddress
  let ownAddresses: [IPAddress]
  let silences: [Int]
  private var random: any RandomNumberGenerator
  var ports: [UInt16] = []
  private var probes: [DiscoveryProbe] = []
  var sampling: PortSampling
  /// The server's address that differs from the first in both IP and port, if it has one.
  var other: SocketAddress?
  /// The address of this machine at which the first answer arrived.
  var local: IPAddress?
  var resting: [RestingSocket] = []
  /// Whether a resting socket was only asked where the world sees it now.
  var comparedAny = false
  private var result: Result<NATReport, NATDiscoveryError>?

  /// Asks this server.
  ///
  /// - Parameters:
  ///   - ownAddresses: those of this machine.
  ///   - measuresLifetime: whether to find out how long a mapping lives, which takes minutes.
  public init(
    _ server: SocketAddress, ownAddresses: [IPAddress], measuresLifetime: Bool,
    random: any RandomNumberGenerator
  ) {
    self.server = server
    self.ownAddresses = ownAddresses
    self.random = random
    silences = measuresLifetime ? DiscoveryLimits.silences : []
    sampling = PortSampling(servers: [])
  }

  /// How many sockets it needs.
  public var socketCount: Int { Socket.resting + silences.count }

  /// Begins, with sockets at these ports.
  public mutating func begin(_ ports: [UInt16], at now: Instant) {
    self.ports = ports
    ask(.first, Socket.asker, server, patience: DiscoveryLimits.firstPatience, at: now)
  }

  /// What was found out, or why not; nil while it goes on.
  public var outcome: Result<NATReport, NATDiscoveryError>? { result }

  mutating func ask(
    _ purpose: DiscoveryProbe.Purpose, _ socket: Int, _ destination: SocketAddress,
    responsePort: UInt16? = nil,
    patience: STUNRequestTimer.Patience = DiscoveryLimits.patience, at now: Instant
  ) {
    probes.append(
      DiscoveryProbe(
        purpose: purpose, socket: socket, destination: destination, id: TransactionID(using: &random),
        responsePort: responsePort, timer: STUNRequestTimer(patience, sentAt: now)))
  }

  func probe(_ purpose: DiscoveryProbe.Purpose) -> DiscoveryProbe? {
    probes.first { $0.purpose == purpose }
  }

  /// Makes room for the next question of the same purpose.
  mutating func forget(_ purpose: DiscoveryProbe.Purpose) { probes.removeAll { $0.purpose == purpose } }
}

// MARK: Packets and time

extension NATDiscoveryCore {
  /// Takes a datagram that came to a socket.
  ///
  /// - Parameter local: the address of this machine that it was sent to, where the system says.
  public mutating func receive(
    _ bytes: RawSpan, on socket: Int, at local: IPAddress?, from source: SocketAddress, at now: Instant
  ) {
    guard result == nil, let message = try? STUNMessage(bytes), message.method == .binding else { return }
    if sampling.receive(message, from: source) { return advance(at: now) }
    let id = message.transactionID
    guard let place = probes.firstIndex(where: { $0.id == id && !$0.isOver }),
      let state = state(of: probes[place], after: message, on: socket, from: source)
    else { return }
    probes[place].state = state
    if probes[place].purpose == .first {
      self.local = local
      other = message.plainAddress(.otherAddress).flatMap { isUsable($0) ? $0 : nil }
    }
    ended(probes[place], at: now)
    advance(at: now)
  }

  /// What a message makes of a probe; nil if it has nothing to do with it.
  private func state(
    of probe: DiscoveryProbe, after message: borrowing STUNMessage, on socket: Int, from source: SocketAddress
  ) -> DiscoveryProbe.State? {
    switch (probe.purpose, message.messageClass) {
    case (.hairpin(let number), .request):
      // Our own question, at the other socket.
      return socket == Socket.hairpins.upperBound - 1 - number ? .answered(source) : nil
    case (.hairpin, _), (_, .request), (_, .indication): return nil
    case (_, .failure): return .refused
    case (.filter(let fromOtherAddress), .success):
      guard let other else { return nil }
      let asked = SocketAddress(fromOtherAddress ? other.ip : server.ip, port: other.port)
      // One that answers from where it was asked has not understood, and shows nothing.
      return source == asked ? .answered(message.mappedAddress) : .refused
    case (.rest(let number), .success):
      // It counts only where it was to go.
      return socket == Socket.resting + number ? .answered(message.mappedAddress) : .refused
    case (.first, .success), (.hairpinAddress, .success):
      return source == server ? .answered(message.mappedAddress) : nil
    }
  }

  /// Whether this can be the server's other address: RFC 5780, 7.4 wants it to differ in both parts.
  private func isUsable(_ other: SocketAddress) -> Bool {
    other.canBeSentTo(from: server.ip.family) && !other.ip.isMulticast && !other.ip.isBroadcast
      && other.ip != server.ip && other.port != server.port
  }

  /// Writes the next datagram, and says where it goes.
  public mutating func pollTransmit(into message: inout STUNMessageWriter) -> Transmit? {
    if let place = probes.firstIndex(where: \.isDue) {
      probes[place].isDue = false
      probes[place].write(into: &message)
      return Transmit(socket: probes[place].socket, destination: probes[place].destination)
    }
    guard let question = sampling.pollQuestion(into: &message), case .socket(let socket) = question.channel
    else { return nil }
    return Transmit(socket: socket, destination: question.server)
  }

  /// When to call ``handleDeadline(at:)``.
  public var nextDeadline: Instant? {
    guard result == nil else { return nil }
    let timers = probes.lazy.filter { !$0.isOver }.map(\.timer.deadline)
    return ([sampling.deadline, timers.min()] + resting.map(\.deadline)).compactMap { $0 }.min()
  }

  /// Takes the time.
  public mutating func handleDeadline(at now: Instant) {
    guard result == nil else { return }
    sampling.handleDeadline(at: now, using: &random)
    var silent: [DiscoveryProbe] = []
    for place in probes.indices where !probes[place].isOver {
      switch probes[place].timer.handleDeadline(at: now) {
      case .sendAgain?: probes[place].isDue = true
      case .timedOut?:
        probes[place].state = .silent
        silent.append(probes[place])
      case nil: break
      }
    }
    for probe in silent { ended(probe, at: now) }
    handleRestingDeadlines(at: now)
    advance(at: now)
  }
}

// MARK: One thing after the other

extension NATDiscoveryCore {
  /// What follows from the end of one probe.
  private mutating func ended(_ probe: DiscoveryProbe, at now: Instant) {
    switch probe.purpose {
    case .first: if probe.mapped != nil { beginSampling(at: now) }
    case .hairpinAddress:
      guard let one = self.probe(.hairpinAddress(0))?.mapped, let two = self.probe(.hairpinAddress(1))?.mapped
      else { return }
      ask(.hairpin(0), Socket.hairpins.lowerBound, two, at: now)
      ask(.hairpin(1), Socket.hairpins.lowerBound + 1, one, at: now)
    case .rest(let place): restingProbeEnded(probe, place, at: now)
    case .filter, .hairpin: break
    }
  }

  /// Somebody answers: now the ports, before other probes move them.
  private mutating func beginSampling(at now: Instant) {
    let servers = other.map {
      [server, SocketAddress(server.ip, port: $0.port), SocketAddress($0.ip, port: server.port)]
    }
    sampling = PortSampling(servers: servers ?? [server, server])
    sampling.begin(Socket.samplers.map { (.socket($0), ports[$0]) }, at: now)
    sampling.handleDeadline(at: now, using: &random)
  }

  private mutating func advance(at now: Instant) {
    guard result == nil, let first = probe(.first), first.isOver else { return }
    guard first.mapped != nil else {
      result = .failure(first.state == .silent ? .noAnswer(server) : .uselessAnswer(server))
      return
    }
    guard sampling.isOver else { return }
    if probe(.hairpinAddress(0)) == nil { beginOthers(at: now) }
    guard resting.allSatisfy(\.isOver), probes.allSatisfy({ $0.isOver || isNeedless($0) }) else { return }
    result = .success(report)
  }

  /// Whether strangers' packets come in, and those of neighbours, and for how long.
  private mutating func beginOthers(at now: Instant) {
    for number in 0..<2 { ask(.hairpinAddress(number), Socket.hairpins.lowerBound + number, server, at: now) }
    beginResting(at: now)
    guard other != nil else { return }
    ask(.filter(fromOtherAddress: true), Socket.filters.lowerBound, server, at: now)
    ask(.filter(fromOtherAddress: false), Socket.filters.lowerBound + 1, server, at: now)
  }

  /// Whether a probe asks for a socket that rests for nothing.
  private func isNeedless(_ probe: DiscoveryProbe) -> Bool {
    if case .rest(let place) = probe.purpose { resting[place].isOver } else { false }
  }
}

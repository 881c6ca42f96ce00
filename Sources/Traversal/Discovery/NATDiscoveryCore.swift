import WarrenMachine
import WarrenSTUN

/// Finds out what the NATs before a machine do, without I/O (RFC 5780, and a few more probes).
///
/// It has ``socketCount`` sockets, bound before ``begin(_:at:)``; what is found out about one is not spoilt by another.
public struct NATDiscoveryCore {
  /// The sockets by what they are for.
  private enum Socket {
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

  private let server: SocketAddress
  private let ownAddresses: [IPAddress]
  private let silences: [Int]
  private var random: any RandomNumberGenerator
  private var ports: [UInt16] = []
  private var probes: [DiscoveryProbe] = []
  private var sampling: PortSampling
  private var other: SocketAddress?
  /// When each mapping that rests is woken.
  private var wakings: [(silence: Int, at: Instant, port: UInt16)] = []
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
    for (place, _) in silences.enumerated() { ask(.rest(place), Socket.resting + place, server, at: now) }
  }

  /// What was found out, or why not; nil while it goes on.
  public var outcome: Result<NATReport, NATDiscoveryError>? { result }

  private mutating func ask(
    _ purpose: DiscoveryProbe.Purpose, _ socket: Int, _ destination: SocketAddress,
    responsePort: UInt16? = nil,
    patience: STUNRequestTimer.Patience = DiscoveryLimits.patience, at now: Instant
  ) {
    probes.append(
      DiscoveryProbe(
        purpose: purpose, socket: socket, destination: destination, id: TransactionID(using: &random),
        responsePort: responsePort, timer: STUNRequestTimer(patience, sentAt: now)))
  }

  private func probe(_ purpose: DiscoveryProbe.Purpose) -> DiscoveryProbe? {
    probes.first { $0.purpose == purpose }
  }
}

// MARK: Packets and time

extension NATDiscoveryCore {
  /// Takes a datagram that came to a socket.
  public mutating func receive(_ bytes: RawSpan, on socket: Int, from source: SocketAddress, at now: Instant)
  {
    guard let message = try? STUNMessage(bytes), message.method == .binding else { return }
    if sampling.receive(message, from: source) { return advance(at: now) }
    let id = message.transactionID
    guard let place = probes.firstIndex(where: { $0.id == id && !$0.isOver }) else { return }
    switch (probes[place].purpose, message.messageClass) {
    case (.hairpin, .request):
      // Our own question, at the other socket.
      probes[place].state = .answered(source)
    case (.hairpin, _), (_, .request), (_, .indication): return
    case (.wake(let number), .success):
      // It counts only where it was to go.
      guard socket == Socket.resting + number else { return }
      probes[place].state = .answered(message.mappedAddress)
    case (_, .success):
      if probes[place].purpose == .first { other = message.plainAddress(.otherAddress) }
      probes[place].state = .answered(message.mappedAddress)
    case (_, .failure):
      // The server cannot do it.
      probes[place].state = .silent
    }
    advance(after: probes[place], at: now)
    advance(at: now)
  }

  /// Writes the next datagram, and says where it goes.
  public mutating func pollTransmit(into message: inout STUNMessageWriter) -> Transmit? {
    if let place = probes.firstIndex(where: \.isDue) {
      probes[place].isDue = false
      probes[place].write(into: &message)
      return Transmit(socket: probes[place].socket, destination: probes[place].destination)
    }
    guard let question = sampling.pollQuestion(into: &message), case .socket(let socket) = question.channel
    else {
      return nil
    }
    return Transmit(socket: socket, destination: question.server)
  }

  /// When to call ``handleDeadline(at:)``.
  public var nextDeadline: Instant? {
    guard result == nil else { return nil }
    let timers = probes.lazy.filter { !$0.isOver }.map(\.timer.deadline)
    return ([sampling.deadline, timers.min()] + wakings.map(\.at)).compactMap { $0 }.min()
  }

  /// Takes the time.
  public mutating func handleDeadline(at now: Instant) {
    sampling.handleDeadline(at: now, using: &random)
    for place in probes.indices where !probes[place].isOver {
      switch probes[place].timer.handleDeadline(at: now) {
      case .sendAgain?: probes[place].isDue = true
      case .timedOut?: probes[place].state = .silent
      case nil: break
      }
    }
    for waking in wakings where waking.at <= now {
      ask(.wake(waking.silence), Socket.asker, server, responsePort: waking.port, at: now)
    }
    wakings.removeAll { $0.at <= now }
    advance(at: now)
  }

  /// What follows from one answer.
  private mutating func advance(after probe: DiscoveryProbe, at now: Instant) {
    switch probe.purpose {
    case .first: beginRest(at: now)
    case .hairpinAddress:
      guard let one = self.probe(.hairpinAddress(0))?.mapped, let two = self.probe(.hairpinAddress(1))?.mapped
      else { return }
      ask(.hairpin(0), Socket.hairpins.lowerBound, two, at: now)
      ask(.hairpin(1), Socket.hairpins.lowerBound + 1, one, at: now)
    case .rest(let place):
      guard let mapped = probe.mapped else { return }
      let seconds: Duration = .seconds(silences[place])
      wakings.append((silence: place, at: now.advanced(by: seconds), port: mapped.port))
    case .filter, .hairpin, .wake: break
    }
  }

  /// Somebody answers: now the ports, before other probes move them.
  private mutating func beginRest(at now: Instant) {
    guard let other else { return probe(at: now) }
    sampling = PortSampling(servers: [
      server, SocketAddress(server.ip, port: other.port), SocketAddress(other.ip, port: server.port),
    ])
    sampling.begin(Socket.samplers.map { (.socket($0), ports[$0]) }, at: now)
    sampling.handleDeadline(at: now, using: &random)
  }

  /// Whether strangers' packets come in, and those of neighbours.
  private mutating func probe(at now: Instant) {
    for number in 0..<2 { ask(.hairpinAddress(number), Socket.hairpins.lowerBound + number, server, at: now) }
    guard other != nil else { return }
    ask(.filter(fromOtherAddress: true), Socket.filters.lowerBound, server, at: now)
    ask(.filter(fromOtherAddress: false), Socket.filters.lowerBound + 1, server, at: now)
  }

  private mutating func advance(at now: Instant) {
    if sampling.isOver, other != nil, probe(.filter(fromOtherAddress: true)) == nil { probe(at: now) }
    guard result == nil, let first = probe(.first), first.isOver else { return }
    guard let outside = first.mapped else {
      result = .failure(.noAnswer(server))
      return
    }
    guard sampling.isOver, wakings.isEmpty, probes.allSatisfy(\.isOver) else { return }
    result = .success(report(outside))
  }
}

// MARK: What it means

extension NATDiscoveryCore {
  private func report(_ outside: SocketAddress) -> NATReport {
    let isTranslated = !(ownAddresses.contains(outside.ip) && outside.port == ports[Socket.asker])
    let model = PortModel(fitting: sampling.samples)
    var addresses = [outside.ip]
    for sample in sampling.samples where !addresses.contains(sample.outside.ip) {
      addresses.append(sample.outside.ip)
    }
    let local = ownAddresses.first { $0.family == outside.ip.family } ?? .any(outside.ip.family)
    return NATReport(
      local: SocketAddress(isTranslated ? local : outside.ip, port: ports[Socket.asker]), outside: outside,
      addresses: addresses, isTranslated: isTranslated, mapping: isTranslated ? mapping : nil,
      filtering: filtering,
      allocation: isTranslated ? model?.kind().allocation : nil, hairpins: isTranslated ? hairpins : nil,
      lifetime: lifetime, portModel: model)
  }

  /// Direct evidence: what one socket looks like to two ports of a server, and to two addresses.
  private var mapping: NATKind.Dependence? {
    guard !sampling.samples.isEmpty else { return nil }
    var mapping = NATKind.Dependence.endpointIndependent
    for one in sampling.samples {
      for other in sampling.samples where one.localPort == other.localPort && one.outside != other.outside {
        if one.remote.ip == other.remote.ip { return .addressAndPortDependent }
        mapping = .addressDependent
      }
    }
    return mapping
  }

  private var filtering: NATKind.Dependence? {
    guard let anyAddress = probe(.filter(fromOtherAddress: true)),
      let anyPort = probe(.filter(fromOtherAddress: false))
    else { return nil }
    if anyAddress.mapped != nil { return .endpointIndependent }
    return anyPort.mapped != nil ? .addressDependent : .addressAndPortDependent
  }

  private var hairpins: Bool? {
    let probes = (0..<2).compactMap { probe(.hairpin($0)) }
    guard probes.count == 2 else { return nil }
    if probes.contains(where: { $0.mapped != nil }) { return true }
    // If each has another port towards the other, neither may answer, hairpinning or not.
    return mapping == .endpointIndependent || filtering == .endpointIndependent ? false : nil
  }

  private var lifetime: NATReport.Lifetime? {
    let woken = silences.indices.compactMap { place in
      probe(.wake(place)).map { (silences[place], $0.mapped != nil) }
    }
    guard let longest = woken.filter(\.1).map(\.0).max() else { return nil }
    let shortest = woken.filter { !$0.1 && $0.0 > longest }.map(\.0).min()
    return NATReport.Lifetime(
      atLeast: .seconds(longest), lessThan: shortest.map { .seconds($0) })
  }
}

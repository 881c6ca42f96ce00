import WarrenMachine

/// Brings two together who know the same key, over TCP and in JSON: the shell around ``PairingDesk``.
///
/// Each sends one object on a connection of its own and gets one back, which ends it. One waits, and the other asks, once it
/// does. Who waits and hangs up waits no longer.
///
/// Over UDP, at the same port, it tells those who say `ping` their address, which is what they offer each other.
public actor PairingServer {
  /// How a server is to be.
  public struct Configuration: Sendable {
    /// How long one waits for the other.
    public var patience = PairingLimits.patience
    /// Connections at once.
    public var connections = PairingLimits.connections
    /// Connections of one address.
    public var connectionsPerAddress = PairingLimits.connectionsPerAddress
    /// Questions of one address in a second, for as long as it likes.
    public var questionsPerSecond = PairingLimits.questionsPerSecond
    /// Questions of one address at once, which has asked nothing before.
    public var burst = PairingLimits.burst

    /// What fits most.
    public init() {}
  }

  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  private typealias PairingCaller = Caller<Conversation>

  private struct Conversation {
    var reader = JSONObjectReader()
    /// While it waits.
    var ticket: PairingDesk.Ticket?
    /// It has said what it had to say: what else it sends is thrown away.
    var hasAsked = false
  }

  private var listeners: [any TCPListener] = []
  private var echoes: [any UDPSocket] = []
  private var outbox = DatagramOutbox()
  private var desk: PairingDesk
  private var callers: CallerList<Conversation>
  private var waiting: [PairingDesk.Ticket: PairingCaller] = [:]
  private var rates: RequestRates
  private var timer: MachineTimer?
  private var pairs = 0
  private var refusals: [RegistryError.Code: Int] = [:]

  /// A server that begins with ``start(at:)``.
  public init(on machine: any Machine, _ configuration: Configuration = Configuration()) {
    self.machine = machine
    desk = PairingDesk(patience: configuration.patience, capacity: configuration.connections)
    callers = CallerList(
      capacity: configuration.connections, perAddress: configuration.connectionsPerAddress)
    rates = RequestRates(perSecond: configuration.questionsPerSecond, burst: configuration.burst)
  }

  /// Answers over TCP at `address` too, and over UDP at the same port: IPv4 and IPv6 are two.
  ///
  /// - Returns: where, with the port that the system chose.
  @discardableResult
  public func start(at address: SocketAddress) throws -> SocketAddress {
    let port = try machine.openTwinPorts(at: [address])[0]
    let (echo, listener) = (port.udp, port.tcp)
    echoes.append(echo)
    listeners.append(listener)
    let place = echo.localAddress
    echo.deliver(to: self) { server, batch in server.tellAddresses(batch, at: place) }
    timer = timer ?? machine.makeTimer { [weak self] in self?.assumeIsolated { $0.endWaits() } }
    machine.spawn("pairing") { await listener.acceptEach { self.take(Caller($0, Conversation())) } }
    return listener.localAddress
  }

  /// Stops answering, also those who wait.
  public func stop() {
    for echo in echoes { echo.close() }
    for listener in listeners { listener.close() }
    timer?.cancel()
    (echoes, listeners, timer) = ([], [], nil)
    for caller in callers.takeAll() { dismiss(caller) }
  }

  /// How many wait.
  public var count: Int { desk.count }

  /// How this server is doing.
  public var metrics: [Metric] {
    var metrics = [
      Metric(.gauge, "warren_pairing_waiting", "Programs that wait for another.", count: desk.count),
      Metric(.counter, "warren_pairing_pairs_total", "Pairs that were brought together.", count: pairs),
    ]
    for code in RegistryError.Code.allCases {
      guard let count = refusals[code] else { continue }
      metrics.append(
        Metric(
          .counter, "warren_pairing_refusals_total", "Questions that were refused, by reason.",
          [.init("reason", "\(code)")], count: count))
    }
    return metrics
  }

  // MARK: Over UDP

  private func tellAddresses(_ batch: borrowing DatagramBatch, at place: SocketAddress) {
    batch.forEach { datagram in
      // Nothing else is answered: so it cannot be used to answer somebody who did not ask with much more than was sent.
      guard datagram.payload.isEchoQuestion else { return }
      outbox.append(
        Array(datagram.source.description.utf8).span.bytes, to: datagram.source,
        // A socket of all addresses answers from the one that was asked.
        from: place.ip.isUnspecified ? datagram.localIP : nil)
    }
    echoes.first { $0.localAddress == place }?.sendOrDrop(&outbox)
  }

  // MARK: Over TCP

  private func take(_ caller: PairingCaller) {
    if let idlest = callers.add(caller) { dismiss(idlest) }
    // With a question that does not come, or an answer that is not taken, all ends the same.
    caller.timer = machine.makeTimer { [weak caller] in caller?.connection.reset() }
    caller.expect(somethingIn: PairingLimits.questionPatience)
    machine.spawn("pairing for \(caller.connection.remoteAddress)") {
      await self.serve(caller)
      self.end(caller)
    }
  }

  private func dismiss(_ caller: PairingCaller) {
    end(caller)
    caller.connection.reset()
  }

  /// Its key is free.
  private func end(_ caller: PairingCaller) {
    caller.timer?.cancel()
    callers.remove(caller)
    guard let ticket = caller.session.ticket else { return }
    caller.session.ticket = nil
    waiting[ticket] = nil
    desk.leave(ticket)
  }

  private func serve(_ caller: PairingCaller) async {
    do {
      while let bytes = try await caller.connection.read(atMost: PairingLimits.readBytes) {
        guard !caller.session.hasAsked else { continue }
        caller.session.reader.append(bytes)
        hear(caller)
      }
      caller.connection.close()
    } catch {
      caller.connection.reset()
    }
  }

  private func hear(_ caller: PairingCaller) {
    do throws(RegistryError) {
      guard let bytes = try caller.session.reader.next() else { return }
      caller.session.hasAsked = true
      guard rates.take(for: caller.subscriber, at: machine.now) == nil else {
        throw RegistryError(.tooFast, "too many questions: ask again later")
      }
      try bringTogether(caller, PairingQuestion(bytes))
    } catch {
      refuse(caller, error)
    }
  }

  private func bringTogether(_ caller: PairingCaller, _ question: PairingQuestion) throws(RegistryError) {
    let source = caller.connection.remoteAddress
    if let expectation = try question.expectation() {
      let offer = try question.offers(from: source, expecting: expectation.from)[0]
      let ticket = try desk.wait(with: question.key, offer, at: machine.now)
      caller.session.ticket = ticket
      waiting[ticket] = caller
      caller.timer?.cancel()
      scheduleEnd()
      return
    }
    let offers = try question.offers(from: source)
    for offer in offers {
      do throws(RegistryError) {
        let found = try desk.ask(with: question.key, offer, from: source.ip)
        pairs += 1
        if let other = waiting.removeValue(forKey: found.ticket) {
          other.session.ticket = nil
          tell(other, .other(offer))
        }
        return tell(caller, .other(found.offer))
      } catch {
        // Who leaves it open is told of whoever waits, over what that may be.
        guard error.code == .nobodyWaits, offer != offers.last else { throw error }
      }
    }
  }

  private func refuse(_ caller: PairingCaller, _ error: RegistryError) {
    refusals[error.code, default: 0] += 1
    caller.session.hasAsked = true
    tell(caller, .refusal(error))
  }

  private func tell(_ caller: PairingCaller, _ answer: PairingAnswer) {
    let bytes = answer.bytes
    do {
      guard try caller.connection.writeNow(bytes.span.bytes) == bytes.count else {
        return caller.connection.reset()
      }
      try caller.connection.finish()
      caller.expect(somethingIn: PairingLimits.farewell)
    } catch {
      caller.connection.reset()
    }
  }

  // MARK: Waiting

  private func endWaits() {
    for ticket in desk.takeExpired(at: machine.now) {
      guard let caller = waiting.removeValue(forKey: ticket) else { continue }
      caller.session.ticket = nil
      refuse(caller, RegistryError(.nobodyAsked, "nobody has asked with this key in time"))
    }
    scheduleEnd()
  }

  private func scheduleEnd() {
    if let deadline = desk.nextDeadline { timer?.schedule(at: deadline) }
  }
}

extension RawSpan {
  fileprivate var isEchoQuestion: Bool {
    byteCount == PairingLimits.echoQuestion.count
      && withUnsafeBytes { $0.elementsEqual(PairingLimits.echoQuestion) }
  }
}

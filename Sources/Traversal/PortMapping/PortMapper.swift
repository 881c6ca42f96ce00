import WarrenMachine

/// Asks the gateways of a machine for outside ports, and keeps what they give: by PCP, NAT-PMP and UPnP, whichever
/// answers first.
///
/// ```swift
/// let mapper = PortMapper(on: machine)
/// let mapping = try await mapper.map(port: socket.localAddress.port)
/// print("reach me at \(mapping.outside)")
/// for try await change in mapper.changes { … }
/// await mapper.close()
/// ```
public actor PortMapper {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  private let protocols: Set<PortMappingProtocol>
  private var leases: [PortMappingLease] = []
  private var lastLease = 0
  private var lastAttempt = 0
  private var isClosed = false
  private var outbox = DatagramOutbox(byteCapacity: 16 * PortMappingLimits.requestBytes, runCapacity: 16)
  private var pastFaults = AnswerFaults()
  private let journal = PortMappingJournal()
  private var closers: [(lease: Int, wait: Wait<Void>)] = []

  /// A mapper on a machine, which speaks these protocols; it asks for nothing by itself.
  public init(
    on machine: any Machine, by protocols: Set<PortMappingProtocol> = Set(PortMappingProtocol.allCases)
  ) {
    self.machine = machine
    self.protocols = protocols
  }

  /// What is open now, in the order of asking.
  public var mappings: [PortMapping] { leases.compactMap { $0.isWithdrawing ? nil : $0.mapping } }

  /// What came in as an answer of a gateway and was none.
  public var refusedAnswers: AnswerFaults {
    leases.reduce(into: pastFaults) { faults, lease in
      if let attempt = lease.attempt { faults.add(attempt.core.faults) }
    }
  }

  // MARK: Asking

  /// Has a gateway open an outside port for a port of this machine, and keeps it open until it is unmapped.
  ///
  /// - Parameters:
  ///   - port: the local port, of a socket that is bound or is going to be.
  ///   - family: IPv4, or IPv6, whose firewalls open a hole for one address of this machine.
  ///   - suggested: the outside port that is wished for; the local one when nothing is said.
  /// - Throws: a ``PortMappingError`` when no gateway opens it within `patience`.
  public func map(
    port: UInt16, _ transport: TransportProtocol = .udp, family: IPAddress.Family = .v4,
    suggesting suggested: UInt16? = nil, within patience: Duration = PortMappingLimits.patience
  ) async throws -> PortMapping {
    guard !isClosed else { throw PortMappingError.closed }
    let terms = PortMappingTerms(
      transport: transport, localPort: port, suggestedPort: suggested ?? port, family: family)
    let known = leases.first { $0.isFor(terms) && !$0.isWithdrawing }
    if let mapping = known?.mapping { return mapping }
    let lease = known ?? add(terms)
    return try await machine.suspend({ "port mapping of \(transport) \(port)" }) { wait in
      // Between the call and here others may have run: what is true now decides.
      if let mapping = lease.mapping { return wait.succeed(mapping) }
      guard !lease.isWithdrawing else { return wait.fail(PortMappingError.closed) }
      lease.waits.append(wait)
      wait.onEnd = { [weak self, id = lease.id] in self?.assumeIsolated { $0.forgetWaiting(for: id) } }
      // What was lost, and waits to be asked for again, is asked for now that somebody wants it.
      if lease.attempt == nil { try begin(lease, patience: patience) }
    }
  }

  private func add(_ terms: PortMappingTerms) -> PortMappingLease {
    lastLease += 1
    let lease = PortMappingLease(id: lastLease, terms)
    leases.append(lease)
    return lease
  }

  /// Nobody waits any more for what was never mapped: then nobody wants it.
  private func forgetWaiting(for id: Int) {
    guard let lease = leases.first(where: { $0.id == id }) else { return }
    lease.waits.removeAll { $0.hasEnded }
    guard lease.waits.isEmpty, lease.mapping == nil, !lease.wasMapped, !lease.isWithdrawing else { return }
    withdraw(lease)
  }

  /// Begins a race for a lease.
  private func begin(_ lease: PortMappingLease, patience: Duration) throws {
    var random = machine.random
    lease.pause?.cancel()
    lease.pause = nil
    do {
      let gateways = try machine.gatewaysToAsk(for: lease.terms.family)
      guard !gateways.isEmpty else { throw PortMappingError.noGateway(lease.terms.family) }
      lastAttempt += 1
      let attempt = PortMappingAttempt(
        number: lastAttempt,
        PortMappingCore(
          lease.terms, gateways: gateways, by: protocols, patience: patience, using: &random, at: machine.now)
      )
      lease.attempt = attempt
      for (index, gateway) in gateways.enumerated() {
        attempt.sockets.append(try open(lease, attempt, index, from: gateway.client))
      }
      attempt.timer = machine.makeTimer { [weak self, id = lease.id] in
        self?.assumeIsolated { $0.deadlinePassed(for: id) }
      }
    } catch {
      end(lease)
      if lease.wasMapped { comeBack(lease) } else { remove(lease, error) }
      throw error
    }
    drive(lease)
  }

  private func open(
    _ lease: PortMappingLease, _ attempt: PortMappingAttempt, _ index: Int, from client: IPAddress
  ) throws -> any UDPSocket {
    let socket = try machine.bindUDP(to: SocketAddress(client, port: 0))
    let (id, number) = (lease.id, attempt.number)
    socket.deliver(to: self) { mapper, batch in
      guard let (lease, attempt) = mapper.attempt(number, of: id) else { return }
      let now = mapper.machine.now
      batch.forEach {
        attempt.core.received($0.payload, from: $0.source, forGateway: index, at: now)
      }
      mapper.drive(lease)
    }
    socket.onDeliveryFailure = { [weak self] failure in
      guard failure.reason == .portUnreachable else { return }
      self?.assumeIsolated { mapper in
        guard let (lease, attempt) = mapper.attempt(number, of: id) else { return }
        attempt.core.wasUnreachable(gateway: index, reportedBy: failure.reporter, at: mapper.machine.now)
        mapper.drive(lease)
      }
    }
    return socket
  }

  // MARK: Driving a core

  /// What a handler is about, if it is still under way.
  private func attempt(_ number: Int, of id: Int) -> (PortMappingLease, PortMappingAttempt)? {
    guard let lease = leases.first(where: { $0.id == id }), let attempt = lease.attempt,
      attempt.number == number
    else { return nil }
    return (lease, attempt)
  }

  private func deadlinePassed(for id: Int) {
    guard let lease = leases.first(where: { $0.id == id }) else { return }
    if let attempt = lease.attempt {
      attempt.core.handleDeadline(at: machine.now)
      drive(lease)
    } else if lease.pause != nil {
      // What goes wrong here, such as that there is still no gateway, only makes the next pause longer.
      try? begin(lease, patience: PortMappingLimits.patience)
    }
  }

  /// Drains every output of a lease's core.
  private func drive(_ lease: PortMappingLease) {
    guard let attempt = lease.attempt else { return }
    let now = machine.now
    for (index, socket) in attempt.sockets.enumerated() {
      while attempt.core.poll(into: &outbox, forGateway: index, at: now) {}
      // A question that is not sent now is asked again in a moment.
      socket.sendOrDrop(&outbox)
    }
    if let request = attempt.core.pollUPnP() { ask(request, for: lease, attempt) }
    while lease.attempt === attempt, let event = attempt.core.pollEvent() { take(event, of: lease) }
    guard lease.attempt === attempt else { return }
    if let deadline = attempt.core.nextDeadline {
      attempt.timer?.schedule(at: deadline)
    } else {
      attempt.timer?.cancel()
    }
  }

  private func ask(_ request: UPnPRequest, for lease: PortMappingLease, _ attempt: PortMappingAttempt) {
    let (id, number) = (lease.id, attempt.number)
    attempt.upnp = machine.spawn("ask the gateway by UPnP") { [weak self, machine] in
      let answer: Result<UPnPGateway, UPnPError>
      do {
        let gateway = try await machine.suspend({ "the gateway's answer by UPnP" }) {
          machine.askUPnPGateway(request, $0)
        }
        answer = .success(gateway)
      } catch {
        // Whatever else goes wrong between this machine and its network, the gateway was not reached.
        answer = .failure(error as? UPnPError ?? .unreachable)
      }
      await self?.answered(answer, to: request, lease: id, attempt: number)
    }
  }

  private func answered(
    _ answer: Result<UPnPGateway, UPnPError>, to request: UPnPRequest, lease id: Int, attempt number: Int
  ) {
    guard let (lease, attempt) = attempt(number, of: id) else { return }
    attempt.core.answered(answer, to: request, at: machine.now)
    drive(lease)
  }

  private func take(_ event: PortMappingCore.Event, of lease: PortMappingLease) {
    switch event {
    case .mapped(let mapping):
      let before = lease.mapping
      lease.mapping = mapping
      lease.wasMapped = true
      lease.nextPause = PortMappingLimits.firstReturn
      lease.endWaits(.success(mapping))
      guard let before else { return journal.note(.mapped(mapping)) }
      if !before.isSamePlace(as: mapping) { journal.note(.moved(from: before, to: mapping)) }
    case .failed(let error):
      // What was asked for is still given back; whoever waits need not wait for that.
      if !lease.wasMapped { lease.isWithdrawing = true }
      lease.endWaits(.failure(error))
    case .lost:
      if let mapping = lease.mapping { journal.note(.lost(mapping)) }
      lease.mapping = nil
      end(lease)
      comeBack(lease)
    case .withdrawn:
      end(lease)
      if lease.isWithdrawing { remove(lease, PortMappingError.closed) } else { comeBack(lease) }
    }
  }

  /// Asks again for what was lost, after a pause that grows.
  private func comeBack(_ lease: PortMappingLease) {
    guard !lease.isWithdrawing, leases.contains(where: { $0 === lease }) else { return }
    let pause = machine.makeTimer { [weak self, id = lease.id] in
      self?.assumeIsolated { $0.deadlinePassed(for: id) }
    }
    pause.schedule(at: machine.now.advanced(by: lease.nextPause))
    lease.pause = pause
    lease.nextPause = min(lease.nextPause * 2, PortMappingLimits.longestReturn)
  }

  /// Gives back what an attempt holds of the machine.
  private func end(_ lease: PortMappingLease) {
    lease.pause?.cancel()
    lease.pause = nil
    guard let attempt = lease.attempt else { return }
    lease.attempt = nil
    pastFaults.add(attempt.core.faults)
    attempt.timer?.cancel()
    attempt.upnp?.cancel()
    for socket in attempt.sockets { socket.close() }
  }

  private func remove(_ lease: PortMappingLease, _ error: any Error) {
    leases.removeAll { $0 === lease }
    lease.mapping = nil
    lease.isWithdrawing = true
    lease.endWaits(.failure(error))
    for closer in closers where closer.lease == lease.id { closer.wait.succeed(()) }
  }

  // MARK: Ending

  private func withdraw(_ lease: PortMappingLease) {
    guard !lease.isWithdrawing else { return }
    lease.isWithdrawing = true
    guard let attempt = lease.attempt else {
      end(lease)
      return remove(lease, PortMappingError.closed)
    }
    attempt.core.withdraw(at: machine.now)
    drive(lease)
  }

  /// Has the gateway close a port again, and waits until it has, or three seconds have passed.
  public func unmap(_ mapping: PortMapping) async {
    let lease = leases.first { lease in
      lease.terms.transport == mapping.transport && lease.terms.localPort == mapping.localPort
        && lease.terms.family == mapping.outside.ip.family && !lease.isWithdrawing
    }
    guard let lease else { return }
    withdraw(lease)
    await removal(of: lease)
  }

  /// Has everything closed that was opened, and waits until it is, or three seconds have passed.
  public func close() async {
    isClosed = true
    let open = leases
    for lease in open { withdraw(lease) }
    journal.end()
    for lease in open { await removal(of: lease) }
  }

  private func removal(of lease: PortMappingLease) async {
    let id = lease.id
    do {
      try await machine.suspend({ "the gateway to close a port" }) { (wait: Wait<Void>) in
        // Between the call and here others may have run: it may be gone.
        guard leases.contains(where: { $0 === lease }) else { return wait.succeed(()) }
        closers.append((id, wait))
        wait.onEnd = { [weak self] in self?.assumeIsolated { $0.forgetClosers() } }
      }
    } catch {
      // Nobody waits any more, or the machine is closed: the lease ends all the same.
      if error as? NetworkError == .machineClosed {
        end(lease)
        remove(lease, error)
      }
    }
  }

  private func forgetClosers() { closers.removeAll { $0.wait.hasEnded } }

  func change(after number: Int) async throws -> (Change, Int)? {
    try await journal.change(after: number, on: machine)
  }
}

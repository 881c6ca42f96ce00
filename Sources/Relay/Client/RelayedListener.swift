import WarrenMachine
import WarrenSTUN

/// An address at a relay for TCP (RFC 6062), which looks like a listener that is bound there, and connects to others from there.
///
/// ```swift
/// let listener = try await RelayClient.listen(at: [relay], on: machine)
/// listener.permit([alice.ip])
/// for try await connection in listener.connections { … }
/// ```
///
/// Only those come in who were permitted. Each connection goes over one of its own with the relay, and lasts no longer than
/// the listener. It is used on its machine's executor, and by nobody else. Closing it gives the address back.
public final class RelayedListener: TCPListener, RelayedAddress, @unchecked Sendable {
  // It is used on the machine's executor alone: hence `@unchecked`.
  public let machine: any Machine
  /// The address that the relay has given: who connects to it arrives here.
  public var localAddress: SocketAddress { core.relayedAddresses.first ?? .any(.v4) }
  /// The relayed addresses, one or one of each family.
  public var relayedAddresses: [SocketAddress] { core.relayedAddresses }
  /// This machine's address as the relay sees it.
  public var mappedAddress: SocketAddress? { core.mappedAddress }
  /// The relay that was found.
  public var relay: SocketAddress { carrier.server }
  /// Which of the servers that were asked it is.
  public let server: RelayServerAddress
  /// What the relay wants requests to be signed with: it spares the next allocation there a round trip.
  public var challenge: RelayChallenge? { core.challenge }

  public var onConnection: (() -> Void)? {
    didSet { if onConnection != nil { deliverSoon() } }
  }
  /// Called with whom the relay does not let connect, although it was asked to, and why.
  public var onRefusal: ((IPAddress, RelayError) -> Void)?
  /// Called once when the relay is gone, or has forgotten the address: whoever wants another asks for one.
  public var onLost: ((RelayError) -> Void)?

  private var core: AllocationCore
  private let carrier: any RelayCarrier
  private let security: RelaySecurity?
  private var timer: MachineTimer?
  /// For when it is set.
  private var nextDeadline: Instant?
  private var isClosed = false
  private let allocation = AllocationWait()
  /// Who waits until the relay has connected to whom.
  private var connecting: [(peer: SocketAddress, wait: Wait<UInt32>)] = []
  /// Connections that wait to be accepted, and how many will.
  private var arrived = Queue<RelayedConnection>()
  private var arriving = 0
  private var deliveryIsDue = false

  init(
    _ core: AllocationCore, over carrier: any RelayCarrier, _ security: RelaySecurity?,
    at server: RelayServerAddress, on machine: any Machine
  ) {
    self.core = core
    self.carrier = carrier
    self.security = security
    self.server = server
    self.machine = machine
    timer = machine.makeTimer { [weak self] in self?.deadlinePassed() }
    carrier.start(self)
  }

  // MARK: Asking

  func allocated() async throws -> RelayOutcome {
    core.begin(at: machine.now)
    settle()
    return try await allocation.outcome(of: relay, on: machine)
  }

  /// Asks the relay to let these connect, and keeps doing so.
  public func permit(_ ips: [IPAddress]) {
    core.permit(ips, at: machine.now)
    settle()
  }

  /// Whether the relay has said that somebody from there may connect.
  public func isPermitted(_ ip: IPAddress) -> Bool { core.isPermitted(ip) }

  /// A connection from the relayed address to a peer. Where one has failed the next waits ten seconds (RFC 6062, 4.3).
  ///
  /// - Throws: a ``RelayError``.
  public func connect(to peer: SocketAddress) async throws -> any TCPConnection {
    let id = try await machine.suspend({ "connect to \(peer) by a relay" }) { (wait: Wait<UInt32>) in
      guard !isClosed else { throw RelayError(.closed) }
      try core.connect(to: peer, at: machine.now)
      connecting.append((peer, wait))
      wait.onEnd = { [weak self] in self?.connecting.removeAll { $0.peer == peer } }
      settle()
    }
    do { return try await open(id, peer) } catch let error as CancellationError {
      throw error
    } catch {
      throw RelayError(error)
    }
  }

  private func open(_ id: UInt32, _ peer: SocketAddress) async throws -> RelayedConnection {
    let local = relayedAddresses.first { $0.ip.family == peer.ip.family } ?? localAddress
    let claim = RelayedConnection.Claim(
      id: id, from: local, to: peer, relay: relay, security: security, credential: core.credential)
    return try await RelayedConnection.open(claim, on: machine)
  }

  // MARK: Accepting

  public func acceptNow() throws(NetworkError) -> (any TCPConnection)? {
    if let connection = arrived.popFirst() { return connection }
    if isClosed { throw .closed }
    return nil
  }

  private func take(_ id: UInt32, of peer: SocketAddress) {
    // Who is one too many is let go by the relay, as nobody claims him.
    guard arriving + arrived.count < RelayClientLimits.arrivals else { return }
    arriving += 1
    machine.spawn("a relayed connection") { [self] in
      let connection = try? await open(id, peer)
      arriving -= 1
      guard let connection else { return }
      guard !isClosed else { return connection.close() }
      arrived.append(connection)
      deliverSoon()
    }
  }

  private func deliverSoon() {
    guard !deliveryIsDue, onConnection != nil, !arrived.isEmpty else { return }
    deliveryIsDue = true
    machine.submit { [self] in
      deliveryIsDue = false
      if !arrived.isEmpty { onConnection?() }
      deliverSoon()
    }
  }

  // MARK: The core

  private func deadlinePassed() {
    nextDeadline = nil
    core.handleDeadline(at: machine.now)
    settle()
  }

  /// Takes all that the core has to give.
  private func settle() {
    while let message = core.poll() {
      _ = carrier.append(message: message.span.bytes, ecn: .notCapable, isData: false)
    }
    try? carrier.flush(self)
    while let event = core.pollEvent() { tell(event) }
    if core.phase == .ended, isClosed || allocation.hasEnded { carrier.close() }
    guard core.nextDeadline != nextDeadline else { return }
    nextDeadline = core.nextDeadline
    if let nextDeadline { timer?.schedule(at: nextDeadline) } else { timer?.cancel() }
  }

  private func tell(_ event: AllocationCore.Event) {
    allocation.take(event)
    switch event {
    case .lost(let error):
      let tell = onLost
      end(error)
      tell?(error)
    case .connected(let peer, let id): connecting.first { $0.peer == peer }?.wait.succeed(id)
    case .refused(let peer, let error): connecting.first { $0.peer == peer }?.wait.fail(error)
    case .arrived(let peer, let id): take(id, of: peer)
    case .barred(let ip, let error): onRefusal?(ip, error)
    case .allocated, .redirected, .failed, .usable, .moved: return
    }
  }

  // MARK: Ending

  /// Gives the address back, and with it all connections. Closing twice is no error.
  public func close() {
    guard !isClosed else { return }
    end(RelayError(.closed))
    core.giveBack(at: machine.now)
    settle()
  }

  private func end(_ error: RelayError) {
    guard !isClosed else { return }
    isClosed = true
    let handler = onConnection
    (onConnection, onLost, onRefusal) = (nil, nil, nil)
    for (_, wait) in connecting { wait.fail(error) }
    while let connection = arrived.popFirst() { connection.close() }
    withExtendedLifetime(handler) {}
  }
}

extension RelayedListener: RelayCarrierUser {
  func received(_ bytes: RawSpan, ecn: ECN) {
    guard let message = try? STUNMessage(bytes) else { return }
    if message.messageClass == .indication {
      core.receiveAttempt(message)
    } else {
      core.receive(message, at: machine.now)
    }
  }

  func receivedAll() { settle() }

  // Its messages wait in the carrier, and nobody else's.
  func becameWritable() {}

  func undelivered(_ excerpt: [UInt8], _ error: NetworkError) {}

  func carrierEnded(_ error: RelayError) {
    core.cut(error)
    settle()
  }
}

extension RelayedListener {
  /// The connections of peers, as they come, until the listener ends.
  public var connections: Connections { Connections(listener: self) }

  /// The connections of peers, as they come.
  public struct Connections: AsyncSequence, AsyncIteratorProtocol {
    let listener: RelayedListener

    public func makeAsyncIterator() -> Self { self }

    public func next() async throws -> (any TCPConnection)? {
      do { return try await listener.accept() } catch NetworkError.closed { return nil }
    }
  }
}

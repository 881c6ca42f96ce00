import WarrenMachine
import WarrenQUIC

/// Looks after the ways of one connection: asks on all of them, and has the connection take the best. Used on the machine's
/// executor alone.
final class ConnectionPaths: @unchecked Sendable {
  let connection: Connection
  /// By what the other side's probes are known.
  let selector: UInt32
  private let endpoint: QUICEndpoint
  private let machine: any Machine
  private let seal: PathProbeSeal
  private var core: PathCore
  private var timer: MachineTimer?
  private var isClosed = false
  private var isSettling = false
  /// Whether the connection says as soon as it is owed an answer.
  private var isToldWhenAwaited = false
  /// Of what kind a way is that nobody has said anything about.
  var kind: (NetworkPath) -> Path.Kind = { _ in .direct }
  /// The other side says where it can be reached by a relay.
  var onRelay: (SocketAddress) -> Void = { _ in }
  /// Nothing leads to the other side any more.
  var onLost: () -> Void = {}
  /// Its user wants a way of a kind of which there is none.
  var onWish: (Path.Kind) -> Void = { _ in }
  /// The connection goes another way.
  var onChange: (Path) -> Void = { _ in }
  private var readers: [AsyncStream<Path>.Continuation] = []
  /// What is wanted and not so yet: all want the same, as another wish ends theirs.
  private var wishes: [PathWish] = []
  /// The last wish that came true.
  private var granted: Path.Kind?
  private var told: Path?
  /// How often the connection says that it is alive, and how seldom at most.
  private var saysAlive: Duration
  private let leastOften: Duration

  /// Nil where the two do not know each other yet.
  ///
  /// - Parameters:
  ///   - interval: how often something is sent that keeps mappings, as long as nothing is known of them.
  ///   - patience: how long an answer may take. The two have agreed on how long nothing may be heard: a sign of life is sent so much
  ///     sooner, that there is as much time to send it again, or to find another way, as for anything else.
  init?(
    of connection: Connection, at endpoint: QUICEndpoint, canMove: Bool, _ kind: Path.Kind,
    allowed: Set<Path.Kind>, interval: Duration, patience: Duration
  ) {
    let known = endpoint.assumeIsolated { endpoint in
      endpoint.secret(of: connection, for: "EXPORTER-warren-paths").map {
        ($0, endpoint.networkPath(of: connection), endpoint.agreedIdleTimeout(of: connection))
      }
    }
    guard let (secret, path, idleTimeout) = known else { return nil }
    self.connection = connection
    self.endpoint = endpoint
    machine = endpoint.machine
    saysAlive = interval
    leastOften = max(interval, (idleTimeout ?? PeerLimits.longestKeepAlive + patience) - patience)
    seal = PathProbeSeal(secret: secret, isClient: canMove)
    selector = seal.selector
    var random = machine.random
    core = PathCore(
      on: path, kind, canMove: canMove, allowed: allowed, interval: interval,
      number: UInt16.random(in: 0...PathProbe.numbers, using: &random), at: machine.now)
    timer = machine.makeTimer { [weak self] in self?.look() }
    told = core.paths.first
  }

  /// Begins to look after them.
  func start() { settle() }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    timer?.cancel()
    timer = nil
    for reader in readers { reader.finish() }
    readers = []
    endWishes(.failure(PeerError(.closed, "the connection is over")))
    (onRelay, onLost, onWish, onChange, kind) = ({ _ in }, {}, { _ in }, { _ in }, { _ in .direct })
  }

  // MARK: What it is told

  /// Another way may lead to the other side.
  func add(_ path: NetworkPath, _ kind: Path.Kind) {
    change { $0.add(path, kind, at: $1) }
    if isLost { meet(on: path) }
  }

  /// A socket is gone.
  func remove(channel: UInt16) { change { $0.remove(channel: channel, at: $1) } }

  /// The ways that are known will not live for long.
  func age() { change { core, _ in core.age() } }

  /// This machine is elsewhere, perhaps.
  func networkChanged() { change { $0.networkChanged(at: $1) } }

  /// It is known how often something must be sent that keeps mappings, or not known any more.
  func keepAlive(_ intervals: KeepAliveIntervals) { change { $0.keepAlive(intervals, at: $1) } }

  /// The connection may have changed its way by itself, or time has passed.
  func look() { change { _, _ in } }

  /// Takes what may be one of the other side's probes.
  ///
  /// - Returns: whether it was.
  func take(_ bytes: RawSpan, on path: NetworkPath) -> Bool {
    guard !isClosed, let probe = seal.open(bytes) else { return false }
    if case .relay(let address) = probe.word { onRelay(address) }
    let kind = core.kind(of: path) ?? kind(path)
    let wasSilent = core.isSilent
    change { $0.receive(probe, on: path, kind, at: $1) }
    // The connection has asked ever more seldom, and does not know that it is worth it again.
    if wasSilent, !core.isSilent { endpoint.assumeIsolated { $0.askNow(connection) } }
    return true
  }

  /// Tells the other side of a relay's address for this one.
  func offer(_ relayed: SocketAddress) {
    guard !isClosed else { return }
    for path in core.paths where path.isUsed || path.state == .alive {
      send(PathProbe(word: .relay(relayed), number: 0), path.network)
    }
  }

  private func change(_ body: (inout PathCore, Instant) -> Void) {
    guard !isClosed else { return }
    body(&core, machine.now)
    settle()
  }

  // MARK: What is known

  var paths: [Path] { core.paths }

  var isLost: Bool { core.isLost }

  /// Of what kind the way in use is.
  var usedKind: Path.Kind? { core.kind(of: core.used) ?? core.entries.first?.kind }

  /// The way in use, and since when it is known.
  var used: (path: NetworkPath, since: Instant) { (core.used, core.since(core.used) ?? machine.now) }

  /// Whether a socket is of use to it.
  func uses(_ channel: UInt16) -> Bool {
    let kind = core.kind(of: core.used)
    return core.entries.contains { entry in
      entry.network.channel == channel
        && (entry.network.isSame(as: core.used) || entry.state != .silent || entry.isMissed(whereUsed: kind))
    }
  }

  func has(_ kind: Path.Kind) -> Bool { core.entries.contains { $0.kind == kind && $0.state != .silent } }

  // MARK: What its user wants

  /// The way in use, now and whenever it changes.
  func changes() -> AsyncStream<Path> {
    let (stream, reader) = AsyncStream.makeStream(
      of: Path.self, bufferingPolicy: .bufferingNewest(PathLimits.waitingChanges))
    if let told { reader.yield(told) }
    if isClosed { reader.finish() } else { readers.append(reader) }
    return stream
  }

  /// Somebody wants it to go a way of this kind: of several who want different ones the latest decides.
  func prefer(_ kind: Path.Kind?) -> PathWish {
    let wish = PathWish(for: kind)
    if isClosed {
      wish.end(.failure(PeerError(.closed, "the connection is over")))
      return wish
    }
    if wishes.contains(where: { $0.kind != kind }) {
      let words = kind.map { "a \($0) way" } ?? "the best way"
      endWishes(.failure(PeerError(.replaced, "\(words) was asked for since, and the latest wish counts")))
    }
    wishes.append(wish)
    change { $0.prefer(kind, at: $1) }
    if let kind, !has(kind) { onWish(kind) }
    return wish
  }

  /// Waits until it goes a way of this wish.
  func wait(for wish: PathWish, _ wait: Wait<Void>) {
    wish.wait(wait)
    grantWishes()
  }

  /// Somebody does not wait any more: if nobody else does, the wish before it counts again.
  func withdraw(_ wish: PathWish) {
    guard wishes.contains(where: { $0 === wish }) else { return }
    wishes.removeAll { $0 === wish }
    if wishes.isEmpty { change { [granted] in $0.prefer(granted, at: $1) } }
  }

  private func grantWishes() {
    guard isAsWished else { return }
    granted = core.wish
    endWishes(.success(()))
  }

  private func endWishes(_ result: Result<Void, any Error>) {
    let ended = wishes
    wishes = []
    for wish in ended { wish.end(result) }
  }

  /// Whether it goes the kind of way that its user has asked for.
  var isWhereWanted: Bool { core.wish != nil && isAsWished }

  private var isAsWished: Bool { core.wish == nil || core.kind(of: core.used) == core.wish }

  // MARK: Driving the core

  private func settle() {
    guard !isSettling, !isClosed else { return }
    isSettling = true
    defer { isSettling = false }
    let now = machine.now
    let (awaited, path) = endpoint.assumeIsolated {
      ($0.awaited(by: connection), $0.networkPath(of: connection))
    }
    core.moved(to: path, core.kind(of: path) ?? kind(path), at: now)
    core.waits(since: awaited.since, roundTrip: awaited.roundTrip, at: now)
    if core.takesTooLong { endpoint.assumeIsolated { $0.measureAgain(connection) } }
    core.handleDeadline(at: now)
    var isLost = false
    while true {
      if let event = core.pollEvent() {
        switch event {
        case .go(let path, let atOnce): go(to: path, atOnce: atOnce)
        case .lost: isLost = true
        }
      } else if let (probe, path) = core.pollProbe() {
        send(probe, path)
      } else {
        break
      }
    }
    tell()
    sayAlive(every: min(core.keepAlive(at: now), leastOften))
    if awaited.since == nil, !isToldWhenAwaited {
      endpoint.assumeIsolated { endpoint in
        isToldWhenAwaited = endpoint.whenAwaited(by: connection) { [weak self] in self?.isAwaited() }
      }
    }
    if let next = core.nextDeadline { timer?.schedule(at: max(next, now)) } else { timer?.cancel() }
    if isLost {
      for path in core.paths where !path.isUsed { meet(on: path.network) }
      onLost()
    }
  }

  private func meet(on path: NetworkPath) {
    guard !isClosed else { return }
    endpoint.assumeIsolated { $0.meet(connection, on: path) }
  }

  private func sayAlive(every interval: Duration) {
    guard interval != saysAlive else { return }
    saysAlive = interval
    endpoint.assumeIsolated { $0.sayAlive(connection, every: interval) }
  }

  /// The connection is in the middle of sending.
  private func isAwaited() {
    isToldWhenAwaited = false
    machine.submit { [weak self] in self?.look() }
  }

  private func go(to path: NetworkPath, atOnce: Bool) {
    let now = endpoint.assumeIsolated { endpoint in
      // Where it has no more names for another path, it is tried again a moment later.
      try? endpoint.migrate(connection, to: path, atOnce: atOnce)
      return endpoint.networkPath(of: connection)
    }
    core.moved(to: now, core.kind(of: now) ?? kind(now), at: machine.now)
  }

  private func send(_ probe: PathProbe, _ path: NetworkPath) {
    let bytes = seal.seal(probe)
    endpoint.assumeIsolated { $0.send(bytes.span.bytes, over: path) }
  }

  private func tell() {
    if !wishes.isEmpty { grantWishes() }
    guard told?.network.isSame(as: core.used) != true, let used = core.paths.first(where: \.isUsed) else {
      return
    }
    told = used
    for reader in readers { reader.yield(used) }
    onChange(used)
  }
}

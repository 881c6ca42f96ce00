import WarrenMachine

/// A registry that is reached over HTTP, by programs that know nothing else: the shell around `RegistryHTTP`.
///
/// ```swift
/// let server = RegistryHTTPServer(of: registry)
/// try await server.start(at: .any(.v4, port: 8080))
/// ```
public actor RegistryHTTPServer {
  /// How a server is to be.
  public struct Configuration: Sendable {
    /// Connections at once.
    public var connections = HTTPLimits.connections
    /// Connections of one address.
    public var connectionsPerAddress = HTTPLimits.connectionsPerAddress
    /// Requests of one address in a second, for as long as it likes.
    public var requestsPerSecond = HTTPLimits.requestsPerSecond
    /// Requests of one address at once, which has asked for nothing before.
    public var burst = HTTPLimits.burst
    /// What `/metrics` tells besides how the registry and this server are doing.
    public var metrics: @Sendable () async -> [Metric] = { [] }

    /// What fits most.
    public init() {}
  }

  /// Where it runs: where its registry does.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  private typealias HTTPCaller = Caller<Conversation>

  private let registry: Registry
  private let configuration: Configuration
  private var listeners: [any TCPListener] = []
  private var callers: CallerList<Conversation>
  private var rates: RequestRates
  private var counters = HTTPCounters()

  /// What a client and this server are talking about.
  private struct Conversation {
    enum Turn {
      /// The client's.
      case asking
      /// Ours.
      case answering
      /// It was told the last word: what it still sends is thrown away, so many bytes at most.
      case leaving(Int)
    }

    var reader = HTTPRequestReader()
    var turn = Turn.asking
    /// Whether the time that its request has is running.
    var hasBegun = false

    var isLeaving: Bool { if case .leaving = turn { true } else { false } }
  }

  /// A server that begins with ``start(at:)``.
  public init(of registry: Registry, _ configuration: Configuration = Configuration()) {
    machine = registry.machine
    self.registry = registry
    self.configuration = configuration
    callers = CallerList(
      capacity: configuration.connections, perAddress: configuration.connectionsPerAddress)
    rates = RequestRates(perSecond: configuration.requestsPerSecond, burst: configuration.burst)
  }

  /// Answers at `address` too: IPv4 and IPv6 are two.
  ///
  /// - Returns: where, with the port that the system chose.
  @discardableResult
  public func start(at address: SocketAddress) throws -> SocketAddress {
    let listener = try machine.listenTCP(on: address)
    listeners.append(listener)
    machine.spawn("HTTP") { await listener.acceptEach { self.take(Caller($0, Conversation())) } }
    return listener.localAddress
  }

  /// Stops answering, also those who have asked.
  public func stop() {
    for listener in listeners { listener.close() }
    listeners = []
    for caller in callers.takeAll() { dismiss(caller) }
  }

  /// How this server is doing.
  public var metrics: [Metric] { counters.metrics + [counters.connections(callers.all.count)] }

  private func dismiss(_ caller: HTTPCaller) {
    caller.timer?.cancel()
    caller.connection.reset()
  }

  private func take(_ caller: HTTPCaller) {
    counters.accepted += 1
    if let idlest = callers.add(caller) {
      counters.displaced += 1
      dismiss(idlest)
    }
    caller.timer = machine.makeTimer { [weak self, weak caller] in
      guard let caller else { return }
      self?.assumeIsolated { $0.losePatience(with: caller) }
    }
    caller.expect(somethingIn: HTTPLimits.requestPatience)
    machine.spawn("HTTP for \(caller.connection.remoteAddress)") {
      await self.serve(caller)
      self.end(caller)
    }
  }

  private func end(_ caller: HTTPCaller) {
    caller.timer?.cancel()
    callers.remove(caller)
  }

  private func serve(_ caller: HTTPCaller) async {
    do {
      while let bytes = try await caller.connection.read(atMost: HTTPLimits.readBytes) {
        try await hear(bytes, from: caller)
      }
      caller.connection.close()
    } catch {
      caller.connection.reset()
    }
  }

  private func hear(_ bytes: [UInt8], from caller: HTTPCaller) async throws {
    if case .leaving(let most) = caller.session.turn {
      // Whoever goes on and on has heard what it will.
      guard bytes.count <= most else { throw NetworkError.closed }
      caller.session.turn = .leaving(most - bytes.count)
      return
    }
    caller.session.reader.append(bytes)
    do throws(HTTPError) {
      while !caller.session.isLeaving, let request = try caller.session.reader.next() {
        do { try await answer(request, to: caller) } catch { return caller.connection.reset() }
      }
    } catch {
      return refuse(caller, error)
    }
    guard !caller.session.isLeaving else { return }
    if caller.session.reader.takeContinue() { try await caller.connection.write(HTTPResponse.continues) }
    expectMore(of: caller)
  }

  /// A request has its time from its first byte on, however many more come.
  private func expectMore(of caller: HTTPCaller) {
    if caller.session.reader.isIdle {
      caller.session.hasBegun = false
      caller.expect(somethingIn: HTTPLimits.idlePatience)
    } else if !caller.session.hasBegun {
      caller.session.hasBegun = true
      caller.expect(somethingIn: HTTPLimits.requestPatience)
    }
  }

  // MARK: Answering

  private func answer(_ request: HTTPRequest, to caller: HTTPCaller) async throws {
    caller.session.turn = .answering
    caller.session.hasBegun = false
    caller.expect(somethingIn: HTTPLimits.requestPatience)
    var closes = !request.keepsAlive
    let response: HTTPResponse
    if let wait = rates.take(for: caller.subscriber, at: machine.now) {
      response = Self.tooMany(wait)
      // Else whoever asks without a pause would have the loop to itself.
      closes = true
    } else {
      let http = RegistryHTTP(of: registry) { [weak self, configuration] in
        await (self?.metrics ?? []) + configuration.metrics()
      }
      response = await http.respond(to: request, from: caller.connection.remoteAddress.ip)
    }
    counters.count(request.path, response.status)
    let bytes = response.bytes(
      at: machine.timeSince1970, closes: closes, isHeadOnly: request.method == "HEAD")
    try await caller.connection.write(bytes)
    caller.idleSince = machine.now
    caller.session.turn = .asking
    if closes { try leave(caller) }
  }

  /// RFC 6585, 4.
  private static func tooMany(_ wait: Duration) -> HTTPResponse {
    let seconds = wait.components.seconds + 1
    var response = HTTPResponse(HTTPError(.tooManyRequests, "too many requests: ask again in \(seconds) s"))
    response.fields.append(HTTPField("Retry-After", "\(seconds)"))
    return response
  }

  /// Nothing more is read from this client, nor is it waited for.
  private func refuse(_ caller: HTTPCaller, _ error: HTTPError) {
    counters.count(nil, error.status)
    let bytes = HTTPResponse(error).bytes(at: machine.timeSince1970, closes: true)
    do {
      guard try caller.connection.writeNow(bytes.span.bytes) == bytes.count else {
        return caller.connection.reset()
      }
      try leave(caller)
    } catch {
      caller.connection.reset()
    }
  }

  private func leave(_ caller: HTTPCaller) throws {
    try caller.connection.finish()
    caller.session.turn = .leaving(HTTPLimits.farewellBytes)
    caller.expect(somethingIn: HTTPLimits.farewell)
  }

  private func losePatience(with caller: HTTPCaller) {
    switch caller.session.turn {
    case .asking where caller.session.hasBegun:
      let seconds = HTTPLimits.requestPatience.components.seconds
      refuse(caller, HTTPError(.requestTimeout, "the request was not there after \(seconds) s"))
    case .asking: caller.connection.close()
    case .answering, .leaving: caller.connection.reset()
    }
  }
}

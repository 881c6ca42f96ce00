import WarrenMachine
import WarrenSTUN
import WarrenTLS

/// A TURN server on ports of its own: for UDP, TCP and TLS (RFC 8656, RFC 7443).
///
/// ```swift
/// let relay = RelayConfiguration(RelayCredentials(users: ["alice": "secret"]))
/// let server = RelayServer(on: machine, relay)
/// try await server.start(at: .any(.v4, port: 3478))
/// ```
///
/// It answers STUN's Binding requests too. Who has a port already uses a ``RelaySwitchboard``.
public actor RelayServer {
  /// Where a server is.
  public struct Addresses: Hashable, Sendable {
    /// For UDP and TCP.
    public var plain: [SocketAddress]
    /// For TLS.
    public var tls: SocketAddress?
  }

  /// What is spoken over TLS (RFC 7443).
  public static let protocolName = "stun.turn"

  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  private var configuration: RelayConfiguration
  private let identity: TLSIdentity?
  private var switchboard: RelaySwitchboard?
  private var sockets: [any UDPSocket] = []
  private var listeners: [any TCPListener] = []
  /// Those who have not shaken hands yet.
  private var strangers = 0

  /// A server that begins with ``start(at:tls:)``.
  ///
  /// - Parameter identity: with what it proves over TLS who it is; browsers want an X.509 certificate.
  public init(on machine: any Machine, _ configuration: RelayConfiguration, identity: TLSIdentity? = nil) {
    self.machine = machine
    self.configuration = configuration
    self.identity = identity
  }

  /// Serves at one address or more over UDP and TCP, and over TLS at another.
  ///
  /// - Returns: where, with the ports that the system chose.
  @discardableResult
  public func start(at addresses: SocketAddress..., tls: SocketAddress? = nil) throws -> Addresses {
    precondition(switchboard == nil, "a relay's server is started once")
    precondition(tls == nil || identity != nil, "TLS needs an identity")
    do {
      for address in addresses { try open(address) }
      let plain = sockets.map(\.localAddress)
      let secure = try tls.map { try machine.listenTCP(on: $0) }
      let board = RelaySwitchboard(
        on: machine, configuration, at: sockets, besides: [secure?.localAddress].compactMap { $0 })
      switchboard = board
      for (number, socket) in sockets.enumerated() {
        socket.deliver(to: self) { server, batch in server.switchboard?.take(batch, at: number) }
      }
      for listener in listeners { serve(listener, nil) }
      guard let secure else { return Addresses(plain: plain) }
      listeners.append(secure)
      serve(secure, identity)
      return Addresses(plain: plain, tls: secure.localAddress)
    } catch {
      stop()
      throw error
    }
  }

  /// Both protocols at one port.
  private func open(_ address: SocketAddress) throws {
    var options = UDPOptions()
    options.allowsFragmentation = true
    options.bufferBytes = RelayLimits.listenerBytes
    let port = try machine.openTwinPorts(at: [address], options: options)[0]
    sockets.append(port.udp)
    listeners.append(port.tcp)
  }

  /// What has come and gone.
  public var counters: RelayCounters { switchboard?.counters ?? RelayCounters() }

  /// Others may use it from now on, as when the list of users was read again. No allocation ends by it: who is no longer listed
  /// has what they have until its time is over, and cannot prolong it.
  public func use(_ credentials: RelayCredentials) {
    configuration.credentials = credentials
    switchboard?.use(credentials)
  }

  /// So many allocations there may be from now on, and so many bytes a second of all together. No allocation ends by it.
  public func limit(allocations: Int, totalBandwidth: Int?) {
    configuration.allocations = allocations
    configuration.totalBandwidth = totalBandwidth
    switchboard?.limit(allocations: allocations, totalBandwidth: totalBandwidth)
  }

  /// How many allocations there are.
  public var allocationCount: Int { switchboard?.allocationCount ?? 0 }

  /// How many connections with peers there are, opening or open.
  public var streamCount: Int { switchboard?.streamCount ?? 0 }

  /// How many clients are connected.
  public var callerCount: Int { switchboard?.callerCount ?? 0 }

  /// Ends all allocations, and serves nobody any more.
  public func stop() {
    for socket in sockets { socket.close() }
    for listener in listeners { listener.close() }
    switchboard?.close()
    (sockets, listeners) = ([], [])
  }

  // MARK: TCP

  private func serve(_ listener: any TCPListener, _ identity: TLSIdentity?) {
    nonisolated(unsafe) let listener = listener
    machine.spawn(identity == nil ? "the relay's TCP" : "the relay's TLS") {
      await self.accept(from: listener, identity)
    }
  }

  private func accept(from listener: any TCPListener, _ identity: TLSIdentity?) async {
    while !listeners.isEmpty {
      do {
        nonisolated(unsafe) let connection = try await listener.accept()
        guard let board = switchboard, board.hasRoom(for: connection.remoteAddress),
          strangers < configuration.callers
        else {
          connection.reset()
          continue
        }
        machine.spawn("a relay's client") { await self.serve(connection, identity) }
      } catch is CancellationError {
        return
      } catch NetworkError.closed {
        return
      } catch {
        // The system has no descriptor left, perhaps: it goes on when it has. A closed machine has no sleep either.
        do { try await machine.sleep(for: RelayLimits.acceptPause) } catch { return }
      }
    }
  }

  private func serve(_ connection: any TCPConnection, _ identity: TLSIdentity?) async {
    guard let board = switchboard else { return connection.reset() }
    let remote = connection.remoteAddress
    guard let identity else { return await board.serve(connection) }
    strangers += 1
    nonisolated(unsafe) let tcp = connection
    var settings = TLSConfiguration(protocols: [Self.protocolName])
    // Older clients and browsers do not say what they speak.
    settings.needsProtocol = false
    let tls = try? await TLSConnection.accept(over: tcp, identity, settings)
    strangers -= 1
    if let tls { await board.serve(tls, from: remote) }
  }
}

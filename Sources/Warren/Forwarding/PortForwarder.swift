import WarrenMachine
import WarrenQUIC

/// Makes a port of somebody else's one of this machine's: who connects here is connected there, through a ``PortGate``.
///
/// ```swift
/// let forwarder = PortForwarder(on: machine, to: 80) { try await alice.connect(to: "bob") }
/// let place = try await forwarder.listen(at: SocketAddress("127.0.0.1:8080"))
/// ```
public actor PortForwarder {
  /// What happens to one.
  public enum Event: Sendable {
    /// Somebody here is connected there.
    case opened(from: SocketAddress)
    /// Somebody here is not, as there was an error.
    case failed(from: SocketAddress, any Error)
  }

  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  private let port: UInt16
  private let connect: @Sendable () async throws -> Connection
  /// What happens. Who reads slowly loses the oldest.
  public nonisolated let events: AsyncStream<Event>
  private let happened: AsyncStream<Event>.Continuation
  /// Who sends datagrams here, and to which port.
  private struct Caller: Hashable {
    let place: SocketAddress
    let source: SocketAddress
  }

  private var listeners: [any TCPListener] = []
  private var sockets: [any UDPSocket] = []
  private var flows: [Caller: UDPFlow] = [:]
  private var tasks: [Int: Task<Void, any Error>] = [:]
  private var lastTask = 0

  /// A forwarder to a port of the peer that `connect` connects with, which is asked again for each connection: it gives the one
  /// that there is.
  public init(
    on machine: any Machine, to port: UInt16, connect: @escaping @Sendable () async throws -> Connection
  ) {
    self.machine = machine
    self.port = port
    self.connect = connect
    (events, happened) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingNewest(ForwardLimits.waitingEvents))
  }

  /// Forwards from a TCP port here, until it is closed.
  ///
  /// - Returns: where, with the port that the system chose.
  @discardableResult
  public func listen(at address: SocketAddress) throws -> SocketAddress {
    let listener = try machine.listenTCP(on: address)
    listeners.append(listener)
    let place = listener.localAddress
    machine.spawn("those who connect to \(place)") { await self.acceptAll(listener) }
    return place
  }

  /// Forwards from a UDP port here, until it is closed: each who sends to it has a conversation of its own.
  ///
  /// - Returns: where, with the port that the system chose.
  @discardableResult
  public func bind(at address: SocketAddress) throws -> SocketAddress {
    let socket = try machine.bindUDP(to: address)
    sockets.append(socket)
    nonisolated(unsafe) let unchecked = socket
    let place = socket.localAddress
    socket.deliver(to: self) { forwarder, batch in
      batch.forEach { datagram in
        let bytes = datagram.payload.withUnsafeBytes { Array($0) }
        forwarder.take(bytes, Caller(place: place, source: datagram.source), at: unchecked)
      }
    }
    return place
  }

  /// A stream to the port itself, for whoever wants to speak on it.
  public func open(_ transport: TransportProtocol = .tcp) async throws -> Connection.Stream {
    let connection = try await connect()
    let request = PortGate.streamMark + ForwardRequest(transport: transport, port: port).encoded
    do {
      return try await machine.withDeadline(ForwardLimits.answerPatience) {
        let stream = try await connection.openStream()
        do {
          try await stream.write(request)
          try await ForwardRequest.readAnswer(from: stream)
        } catch {
          await stream.breakOff()
          throw error
        }
        return stream
      }
    } catch is DeadlineExceeded {
      throw ForwardError(.notReachable, "the other side does not say whether it shares port \(port)")
    }
  }

  /// Forwards nothing any more; what is open is broken off.
  public func close() {
    for listener in listeners { listener.close() }
    for socket in sockets { socket.close() }
    for task in tasks.values { task.cancel() }
    (listeners, sockets, flows, tasks) = ([], [], [:], [:])
    happened.finish()
  }

  // MARK: TCP

  private func acceptAll(_ listener: any TCPListener) async {
    while true {
      do {
        let connection = try await listener.accept()
        guard tasks.count < ForwardLimits.streams else {
          happened.yield(.failed(from: connection.remoteAddress, Self.busy))
          connection.reset()
          continue
        }
        nonisolated(unsafe) let unchecked = connection
        start("a forwarded connection") { await self.forward(unchecked) }
      } catch NetworkError.outOfResources {
        // The system has some again when others have closed theirs.
        do { try await machine.sleep(for: .milliseconds(100)) } catch { return }
      } catch {
        return
      }
    }
  }

  private func start(_ name: String, _ body: @escaping @Sendable () async -> Void) {
    lastTask += 1
    let number = lastTask
    tasks[number] = machine.spawn(name) {
      await body()
      self.ended(number)
    }
  }

  private func ended(_ number: Int) { tasks[number] = nil }

  private func forward(_ connection: any TCPConnection) async {
    let source = connection.remoteAddress
    let stream: Connection.Stream
    do { stream = try await open() } catch {
      connection.reset()
      happened.yield(.failed(from: source, error))
      return
    }
    happened.yield(.opened(from: source))
    // Whatever breaks it, both ends see.
    try? await splice(connection, stream, on: machine)
  }

  // MARK: UDP

  private func take(_ bytes: [UInt8], _ caller: Caller, at socket: any UDPSocket) {
    if let flow = flows[caller] { return flow.take(bytes, at: machine.now) }
    // Who has been silent for longest makes room.
    if tasks.count >= ForwardLimits.streams {
      guard let silent = flows.values.min(by: { $0.heard < $1.heard }) else { return }
      silent.end()
    }
    // Those that end still have their streams for a moment.
    guard flows.count < 2 * ForwardLimits.streams else { return }
    let flow = UDPFlow(to: port, at: machine.now)
    flows[caller] = flow
    flow.take(bytes, at: machine.now)
    nonisolated(unsafe) let unchecked = socket
    start("a forwarded conversation") { await self.carry(flow, caller, at: unchecked) }
  }

  private func carry(_ flow: UDPFlow, _ caller: Caller, at socket: any UDPSocket) async {
    nonisolated(unsafe) let unchecked = socket
    do {
      let stream = try await open(.udp)
      happened.yield(.opened(from: caller.source))
      await flow.carry(over: stream, on: machine) { bytes in
        var outbox = DatagramOutbox()
        outbox.append(bytes.span.bytes, to: caller.source)
        unchecked.sendOrDrop(&outbox)
      }
    } catch {
      happened.yield(.failed(from: caller.source, error))
    }
    flow.end()
    if flows[caller] === flow { flows[caller] = nil }
  }

  private static let busy = ForwardError(.busy, "too many connections are open already")
}

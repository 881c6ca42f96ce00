import WarrenMachine

/// A STUN server on a machine: the shell around ``STUNServerCore``.
public actor STUNServer {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  private var core: STUNServerCore?
  private var sockets: [any UDPSocket] = []
  private var listener: (any TCPListener)?
  /// Those who ask over TCP.
  private var callers: [Caller] = []
  private var outboxes: [Outbox] = []
  private var writer = STUNMessageWriter()

  /// What leaves from one socket; a class, since an array cannot hold what cannot be copied.
  private final class Outbox {
    var datagrams = DatagramOutbox()
  }

  /// A server that begins with ``start(at:alternate:)``.
  public init(on machine: any Machine) { self.machine = machine }

  /// Answers over UDP at `address`, and over TCP at the same port.
  ///
  /// - Parameter alternate: another address, different in IP and port, for those who ask what their NAT does
  ///   (RFC 5780); both IPs must then be this machine's own and not "any".
  /// - Returns: where, with the ports that the system chose.
  @discardableResult
  public func start(
    at address: SocketAddress = .any(.v4), alternate: SocketAddress? = nil
  ) throws -> STUNServerCore.Addresses {
    let isChosen = address.port == 0 || alternate?.port == 0
    let (addresses, listener) = try machine.tryingPorts(while: isChosen) { try open(address, alternate) }
    self.listener = listener
    core = STUNServerCore(addresses)
    for socket in sockets { serve(socket) }
    machine.spawn("STUN over TCP") { await self.serve(listener) }
    return addresses
  }

  private func open(
    _ address: SocketAddress, _ alternate: SocketAddress?
  ) throws -> (STUNServerCore.Addresses, any TCPListener) {
    do {
      let first = try machine.bindUDP(to: address)
      sockets = [first]
      var addresses = STUNServerCore.Addresses(primary: first.localAddress)
      if let alternate {
        let last = try machine.bindUDP(to: alternate)
        sockets.append(last)
        addresses.alternate = last.localAddress
        for other in addresses.all[1...2] { sockets.append(try machine.bindUDP(to: other)) }
      }
      return (addresses, try machine.listenTCP(on: addresses.primary))
    } catch {
      stop()
      throw error
    }
  }

  /// What has come and gone.
  public var counters: STUNServerCore.Counters { core?.counters ?? STUNServerCore.Counters() }

  /// How many ask over TCP now.
  public var callerCount: Int { callers.count }

  /// Stops answering.
  public func stop() {
    for socket in sockets { socket.close() }
    listener?.close()
    for caller in callers { caller.connection.reset() }
    callers = []
    sockets = []
    outboxes = []
    listener = nil
  }

  private func serve(_ socket: any UDPSocket) {
    let outbox = Outbox()
    outboxes.append(outbox)
    let local = socket.localAddress
    socket.deliver(to: self) { server, batch in server.answer(batch, at: local) }
  }

  private func answer(_ batch: borrowing DatagramBatch, at local: SocketAddress) {
    batch.forEach { datagram in
      guard let route = core?.receive(datagram.payload, from: datagram.source, at: local, into: &writer),
        let place = sockets.firstIndex(where: { $0.localAddress == route.source })
      else { return }
      // A socket of all addresses answers from the one that was asked.
      let from = local.ip.isUnspecified ? datagram.localIP : nil
      if !outboxes[place].datagrams.append(writer.bytes, to: route.destination, from: from) {
        sockets[place].sendOrDrop(&outboxes[place].datagrams)
        outboxes[place].datagrams.append(writer.bytes, to: route.destination, from: from)
      }
    }
    for (socket, outbox) in zip(sockets, outboxes) where !outbox.datagrams.isEmpty {
      socket.sendOrDrop(&outbox.datagrams)
    }
  }

  // MARK: TCP

  private func serve(_ listener: any TCPListener) async {
    while self.listener != nil {
      do {
        take(Caller(try await listener.accept()))
      } catch is CancellationError {
        return
      } catch {
        // The system has no descriptor left, perhaps: it goes on when it has. A closed machine has no sleep either.
        do { try await machine.sleep(for: STUNLimits.acceptPause) } catch { return }
      }
    }
  }

  /// Whoever came first has had the most time: it makes room where there is none.
  private func take(_ caller: Caller) {
    if callers.count >= STUNLimits.callers { callers.removeFirst().connection.reset() }
    callers.append(caller)
    machine.spawn("STUN for \(caller.connection.remoteAddress)") {
      await self.serve(caller)
      self.end(caller)
    }
  }

  private func end(_ caller: Caller) { callers.removeAll { $0.connection === caller.connection } }

  private func serve(_ caller: Caller) async {
    let connection = caller.connection
    var frames = STUNStreamReader()
    do {
      while let bytes = try await machine.withDeadline(STUNLimits.callerPatience, { try await caller.read() })
      {
        frames.append(bytes)
        while let frame = try frames.next() {
          let written = core?.receiveOnStream(
            frame.span.bytes, from: connection.remoteAddress, at: connection.localAddress, into: &writer)
          if written == true { try await connection.write(writer.copy) }
        }
      }
      connection.close()
    } catch {
      connection.reset()
    }
  }

  /// A connection that moves from one of this actor's tasks to the next.
  private struct Caller: @unchecked Sendable {
    // Used on the machine's executor alone: hence `@unchecked`.
    let connection: any TCPConnection
    init(_ connection: any TCPConnection) { self.connection = connection }

    func read() async throws -> [UInt8]? { try await connection.read() }
  }
}

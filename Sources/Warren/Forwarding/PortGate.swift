import WarrenCrypto
import WarrenMachine
import WarrenQUIC

/// Lets others reach ports here, and nothing else.
///
/// ```swift
/// let gate = PortGate(on: machine, sharing: [SharedPort(80)])
/// for await connection in bob.connections { gate.takeAll(of: connection) }
/// ```
///
/// It is for whoever owns a connection to say who may come: each peer that is let in reaches all of its ports.
public actor PortGate {
  /// What a stream begins with on which something is forwarded.
  public static let streamMark: [UInt8] = Array("wfp1".utf8)

  /// What happens at a gate.
  public enum Event: Sendable {
    /// Somebody is let through.
    case opened(SharedPort, by: PeerID?)
    /// Somebody is not.
    case refused(ForwardError, by: PeerID?)
  }

  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  private let ports: [SharedPort]
  /// What happens. Who reads slowly loses the oldest.
  public nonisolated let events: AsyncStream<Event>
  private let happened: AsyncStream<Event>.Continuation
  private var open: [PeerID?: Int] = [:]

  /// A gate to these ports.
  public init(on machine: any Machine, sharing ports: [SharedPort]) {
    self.machine = machine
    self.ports = ports
    (events, happened) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingNewest(ForwardLimits.waitingEvents))
  }

  deinit { happened.finish() }

  /// Takes all that is opened over a connection that is used for nothing else.
  public nonisolated func takeAll(of connection: Connection) {
    machine.spawn("forwarded ports") {
      for await stream in connection.incomingStreams { self.look(at: stream, from: connection.peer) }
    }
  }

  private nonisolated func look(at stream: Connection.Stream, from peer: PeerID?) {
    machine.spawn("what a stream is for") { [machine] in
      let mark = try? await machine.withDeadline(ForwardLimits.request) {
        try await stream.read(exactly: Self.streamMark.count)
      }
      if mark == Self.streamMark { self.take(stream, from: peer) } else { await stream.breakOff() }
    }
  }

  /// Takes a stream that somebody has opened, behind its ``streamMark``.
  ///
  /// - Parameter peer: who it is.
  public nonisolated func take(_ stream: Connection.Stream, from peer: PeerID?) {
    machine.spawn("a forwarded port") { await self.serve(stream, peer) }
  }

  private func serve(_ stream: Connection.Stream, _ peer: PeerID?) async {
    guard open[peer] ?? 0 < ForwardLimits.streams, open.values.reduce(0, +) < ForwardLimits.allStreams else {
      return await refuse(stream, peer, ForwardError(.busy, "too many connections are open already"))
    }
    open[peer, default: 0] += 1
    defer { open[peer] = open[peer].flatMap { $0 > 1 ? $0 - 1 : nil } }
    do {
      let bytes = try await machine.withDeadline(ForwardLimits.request) {
        try await stream.read(exactly: ForwardRequest.byteCount)
      }
      guard let request = ForwardRequest(bytes) else {
        throw ForwardError(.badMessage, "what was asked for makes no sense")
      }
      guard let port = ports.first(where: { $0.number == request.port && $0.transport == request.transport })
      else {
        let kind = request.transport == .udp ? "UDP" : "TCP"
        throw ForwardError(.notShared, "port \(request.port) of \(kind) is not shared")
      }
      switch port.transport {
      case .tcp: try await serveTCP(port, stream, peer)
      case .udp: try await serveUDP(port, stream, peer)
      }
    } catch let error as ForwardError {
      await refuse(stream, peer, error)
    } catch {
      await stream.breakOff()
    }
  }

  private func refuse(_ stream: Connection.Stream, _ peer: PeerID?, _ error: ForwardError) async {
    happened.yield(.refused(error, by: peer))
    try? await stream.write(ForwardRequest.encoded(error))
    try? await stream.finish()
    await stream.stop(code: ForwardLimits.brokenOff)
  }

  private func serveTCP(_ port: SharedPort, _ stream: Connection.Stream, _ peer: PeerID?) async throws {
    let machine = machine
    let refusal = ForwardError(.notReachable, "nothing answers behind port \(port.number)")
    guard let connection = try? machine.openTCP(to: port.target, options: TCPOptions()) else { throw refusal }
    nonisolated(unsafe) let unchecked = connection
    do { try await machine.withDeadline(ForwardLimits.openPatience) { try await unchecked.opened() } } catch {
      connection.close()
      throw refusal
    }
    happened.yield(.opened(port, by: peer))
    do { try await stream.write(ForwardRequest.encoded(nil)) } catch {
      connection.close()
      throw error
    }
    try await splice(connection, stream, on: machine)
  }

  private func serveUDP(_ port: SharedPort, _ stream: Connection.Stream, _ peer: PeerID?) async throws {
    let socket = try machine.bindUDP(to: .any(port.target.ip.family))
    defer { socket.close() }
    let flow = UDPFlow(to: port.number, at: machine.now)
    let target = port.target
    socket.deliver(to: self) { gate, batch in
      batch.forEach { datagram in
        guard datagram.source == target else { return }
        flow.take(datagram.payload.withUnsafeBytes { Array($0) }, at: gate.machine.now)
      }
    }
    happened.yield(.opened(port, by: peer))
    try await stream.write(ForwardRequest.encoded(nil))
    nonisolated(unsafe) let unchecked = socket
    await flow.carry(over: stream, on: machine) { bytes in
      var outbox = DatagramOutbox()
      outbox.append(bytes.span.bytes, to: target)
      unchecked.sendOrDrop(&outbox)
    }
  }
}

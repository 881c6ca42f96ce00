import TestSupport
import Warren
import WarrenMachine

@testable import WarrenRelay

/// A ``ScriptedRelayCore`` on a machine, that also carries datagrams: over UDP, TCP, and TLS.
actor ScriptedRelay {
  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  private(set) var core: ScriptedRelayCore
  private var socket: (any UDPSocket)?
  private var listener: (any TCPListener)?
  private var relayedSockets: [SocketAddress: any UDPSocket] = [:]
  /// Where answers to clients over streams go.
  private var streams: [SocketAddress: @Sendable ([UInt8]) -> Void] = [:]
  private var connections: [any TCPConnection] = []
  private var outbox = DatagramOutbox()
  private var ip = IPAddress.loopback(.v4)
  /// How many datagrams came from clients as indications, and how many under channels.
  private(set) var carried = (indications: 0, channels: 0)

  init(on machine: any Machine, _ script: ScriptedRelayCore.Script = .init()) {
    self.machine = machine
    core = ScriptedRelayCore(script)
  }

  /// Answers at an address, over UDP.
  func start(at address: SocketAddress) throws -> SocketAddress {
    let socket = try machine.bindUDP(to: address)
    socket.deliver(to: self) { relay, batch in
      batch.forEach { relay.take($0.payload, from: $0.source) }
    }
    self.socket = socket
    ip = address.ip
    return socket.localAddress
  }

  /// Answers over TCP as well, or over TLS.
  func listen(at address: SocketAddress, tls: TLSIdentity? = nil) throws -> SocketAddress {
    let listener = try machine.listenTCP(on: address)
    self.listener = listener
    ip = address.ip
    machine.spawn("a relay's callers") {
      while true { try await self.accept(tls) }
    }
    return listener.localAddress
  }

  private func accept(_ tls: TLSIdentity?) async throws {
    guard let listener else { throw NetworkError.closed }
    let tcp = try await listener.accept()
    connections.append(tcp)
    nonisolated(unsafe) let own = tcp
    machine.spawn("a relay's caller") { try await self.serve(own, tls) }
  }

  private func serve(_ tcp: any TCPConnection, _ tls: TLSIdentity?) async throws {
    let client = tcp.remoteAddress
    var reader = RelayStreamReader()
    if let tls {
      let connection = try await TLSConnection.accept(
        over: tcp, tls, TLSConfiguration(protocols: [RelayServer.protocolName]))
      streams[client] = { [machine] bytes in machine.spawn("an answer") { try await connection.write(bytes) }
      }
      while let bytes = try await connection.read() { try take(bytes, from: client, &reader) }
    } else {
      nonisolated(unsafe) let own = tcp
      streams[client] = { bytes in _ = try? own.writeNow(bytes.span.bytes) }
      while let bytes = try await tcp.read() { try take(bytes, from: client, &reader) }
    }
    streams[client] = nil
    // Who hangs up has given it back (RFC 8656, 3.1).
    core.allocations[client] = nil
  }

  private func take(_ bytes: [UInt8], from client: SocketAddress, _ reader: inout RelayStreamReader) throws {
    reader.append(bytes)
    try reader.forEach {
      take($0, from: client)
      return true
    }
  }

  func change(_ body: @Sendable (inout ScriptedRelayCore) -> Void) { body(&core) }

  /// Hangs up on everybody.
  func hangUp() {
    for connection in connections { connection.close() }
    connections = []
  }

  func stop() {
    hangUp()
    listener?.close()
    listener = nil
    socket?.close()
    for (_, socket) in relayedSockets { socket.close() }
    relayedSockets = [:]
  }

  // MARK: Carrying

  private func take(_ bytes: RawSpan, from client: SocketAddress) {
    if let data = ChannelData(bytes) {
      guard let allocation = core.allocations[client], let peer = allocation.channels[data.channel] else {
        return
      }
      carried.channels += 1
      return relay(data.payload, of: allocation, to: peer)
    }
    if let message = try? STUNMessage(bytes), message.messageClass == .indication {
      guard let peer = message.maskedAddress(.xorPeerAddress), let data = message.value(of: .data),
        let allocation = core.allocations[client],
        allocation.permissions[peer.ip].map({ $0 > machine.now }) == true
      else { return }
      carried.indications += 1
      return relay(data, of: allocation, to: peer)
    }
    let answer = core.answer(bytes, from: client, at: machine.now) { family in open(family) }
    if let answer { send(answer, to: client) }
  }

  private func open(_ family: IPAddress.Family) -> SocketAddress? {
    guard ip.family == family, let socket = try? machine.bindUDP(to: SocketAddress(ip, port: 0)) else {
      return nil
    }
    let address = socket.localAddress
    relayedSockets[address] = socket
    socket.deliver(to: self) { relay, batch in
      batch.forEach { relay.bring($0.payload, from: $0.source, to: address) }
    }
    return address
  }

  private func relay(_ payload: RawSpan, of allocation: ScriptedRelayCore.Allocation, to peer: SocketAddress)
  {
    guard let socket = allocation.relayed.lazy.compactMap({ self.relayedSockets[$0] }).first else { return }
    outbox.append(payload, to: peer)
    socket.sendOrDrop(&outbox)
  }

  private func bring(_ payload: RawSpan, from peer: SocketAddress, to relayed: SocketAddress) {
    guard let (client, allocation) = core.allocations.first(where: { $0.value.relayed.contains(relayed) }),
      allocation.permissions[peer.ip].map({ $0 > machine.now }) == true
    else { return }
    if let channel = allocation.channels.first(where: { $0.value == peer })?.key {
      let bytes = payload.withUnsafeBytes { Array($0) }
      send(channelFrame(channel, bytes, padded: streams[client] != nil), to: client)
    } else {
      var writer = STUNMessageWriter()
      writer.begin(.indication, .data, TransactionID(1, 2))
      writer.add(.xorPeerAddress, masked: peer)
      writer.add(.data, payload)
      send(writer.copy, to: client)
    }
  }

  /// Sends any bytes to a client.
  func send(_ bytes: [UInt8], to client: SocketAddress) {
    if let stream = streams[client] { return stream(bytes) }
    outbox.append(bytes.span.bytes, to: client)
    socket?.sendOrDrop(&outbox)
  }
}

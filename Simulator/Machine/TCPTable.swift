import WarrenMachine

/// The TCP sockets of a machine, by where they are.
struct TCPTable {
  /// The two ends of a connection.
  struct Ends: Hashable, Comparable {
    var local: SocketAddress
    var remote: SocketAddress

    static func < (left: Ends, right: Ends) -> Bool {
      (left.local, left.remote) < (right.local, right.remote)
    }
  }

  var connections: [Ends: SimulatedTCPConnection] = [:]
  /// In the order in which they began to listen; several have one address where they share it.
  var listeners: [SimulatedTCPListener] = []

  /// The listener that takes a SYN to `address`.
  func listener(at address: SocketAddress) -> SimulatedTCPListener? {
    let everywhere = SocketAddress.any(address.ip.family, port: address.port)
    return listeners.first { $0.localAddress == address } ?? listeners.first { $0.localAddress == everywhere }
  }

  /// Whether a socket at `address` that shares its port or not must be refused.
  func isTaken(_ address: SocketAddress, sharing: Bool) -> Bool {
    func overlaps(_ other: SocketAddress) -> Bool {
      other.port == address.port && other.ip.family == address.ip.family
        && (other.ip == address.ip || other.ip.isUnspecified || address.ip.isUnspecified)
    }
    return listeners.contains { overlaps($0.localAddress) && !(sharing && $0.sharesPort) }
      || connections.values.contains { connection in
        overlaps(connection.localAddress) && connection.ownsPort && !(sharing && connection.sharesPort)
      }
  }
}

extension SimulatedMachine {
  public func openTCP(
    to address: SocketAddress, options: TCPOptions
  ) throws(NetworkError) -> any TCPConnection {
    preconditionOnExecutor()
    try checkOpen()
    guard address.port != 0, !address.ip.isUnspecified, !address.ip.isMulticast else {
      throw .unusableDestination(address)
    }
    let local = options.localAddress ?? .any(address.ip.family)
    guard local.ip.family == address.ip.family else { throw .unusableDestination(address) }
    guard local.ip.isUnspecified || isOwn(local.ip) else { throw .addressNotAvailable(local) }
    let scope = try scope(ofInterface: options.interface)
    guard let way = way(to: address.ip, from: local.ip, in: scope) else { throw .unreachable(address) }

    let port = try tcpPort(local, from: way.source, to: address, options)
    let ends = TCPTable.Ends(local: SocketAddress(way.source, port: port), remote: address)
    let connection = SimulatedTCPConnection(
      self, ends, over: way.attachment, options, opening: initialSequence())
    tcp.connections[ends] = connection
    connection.pump()
    return connection
  }

  private func tcpPort(
    _ local: SocketAddress, from source: IPAddress, to remote: SocketAddress, _ options: TCPOptions
  ) throws(NetworkError) -> UInt16 {
    func isFree(_ port: UInt16) -> Bool {
      let address = SocketAddress(source, port: port)
      return tcp.connections[TCPTable.Ends(local: address, remote: remote)] == nil
        && !tcp.isTaken(address, sharing: options.sharesPort)
    }
    if local.port != 0 {
      guard isFree(local.port) else { throw .addressInUse(local) }
      return local.port
    }
    guard let port = ephemeralPort(where: isFree) else {
      throw .outOfResources(doing: "choosing a TCP port")
    }
    return port
  }

  public func listenTCP(
    on address: SocketAddress, options: TCPOptions
  ) throws(NetworkError) -> any TCPListener {
    preconditionOnExecutor()
    try checkOpen()
    _ = try scope(ofInterface: options.interface)
    guard address.ip.isUnspecified || isOwn(address.ip) else { throw .addressNotAvailable(address) }
    var address = address
    if address.port == 0 {
      guard
        let port = ephemeralPort(where: { port in
          !tcp.isTaken(SocketAddress(address.ip, port: port), sharing: options.sharesPort)
        })
      else { throw .outOfResources(doing: "listening on a TCP port") }
      address.port = port
    } else if tcp.isTaken(address, sharing: options.sharesPort) {
      throw .addressInUse(address)
    }
    let listener = SimulatedTCPListener(self, at: address, options)
    tcp.listeners.append(listener)
    return listener
  }

  func takeTCP(_ packet: Packet, _ segment: TCPSegment) {
    let ends = TCPTable.Ends(local: packet.destination, remote: packet.source)
    if let connection = tcp.connections[ends] {
      guard connection.givesWay(to: segment) else {
        world.record(.delivered(Trace.Summary(packet)), at: place)
        return connection.take(segment)
      }
      connection.leave()
    }
    guard TCPCore.begins(segment), let listener = tcp.listener(at: packet.destination),
      let way = way(to: packet.source.ip, from: packet.destination.ip)
    else {
      drop(packet, "nothing listens there")
      return refuseTCP(packet, segment)
    }
    // Not refused: the other side asks again, and there may be room by then.
    guard listener.hasRoom else { return drop(packet, "the listener's backlog is full") }
    world.record(.delivered(Trace.Summary(packet)), at: place)
    let connection = SimulatedTCPConnection(
      self, ends, over: way.attachment, listener.options, answering: segment, initialSequence(), for: listener
    )
    tcp.connections[ends] = connection
    connection.pump()
  }

  private func refuseTCP(_ packet: Packet, _ segment: TCPSegment) {
    guard let reset = TCPCore.answerToStray(segment),
      let way = way(to: packet.source.ip, from: packet.destination.ip)
    else { return }
    send(Packet(from: packet.destination, to: packet.source, .tcp(reset)), over: way.attachment)
  }

  func takeTCPFailure(_ error: ICMPError) {
    let ends = TCPTable.Ends(local: error.offender.source, remote: error.offender.destination)
    tcp.connections[ends]?.take(error)
  }

  func closeAllTCP() {
    for listener in tcp.listeners { listener.close() }
    for ends in tcp.connections.keys.sorted() {
      tcp.connections[ends]?.reset()
      // Those that only remember their end have nothing to reset, and nobody to remember it for.
      tcp.connections[ends]?.leave()
    }
  }
}

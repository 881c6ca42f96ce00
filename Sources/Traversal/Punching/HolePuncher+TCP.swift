import WarrenMachine
import WarrenSTUN

/// Simultaneous open: both sides listen and dial, each from the one port that the STUN server saw (RFC 5128, 3.4).
extension HolePuncher {
  func startTCP(_ interfaces: [NetworkInterface]) throws {
    for family in configuration.families {
      let addresses = interfaces.flatMap(\.addresses).map(\.ip).filter {
        $0.family == family && !$0.isLinkLocal
      }
      guard !addresses.isEmpty else { continue }
      var options = TCPOptions()
      options.sharesPort = true
      options.interface = configuration.interface
      let listener = try machine.listenTCP(on: .any(family, port: configuration.port), options: options)
      listeners.append(listener)
      let local = listener.localAddress
      core.addListener(port: local.port, addresses: addresses)
      listener.onConnection = handler(listener) { $0.accept(from: $1) }
      // Two servers: where one is silent, the other is not.
      for server in configuration.stunServers.filter({ $0.ip.family == family }).prefix(2) {
        core.questionBegan()
        let own = addresses[0]
        tasks.append(
          machine.spawn("STUN over TCP at \(server)") { await self.ask(server, from: local, own: own) })
      }
    }
  }

  /// Asks a STUN server how it sees our port, and keeps the connection, since the mapping lives no longer.
  private func ask(_ server: SocketAddress, from local: SocketAddress, own: IPAddress) async {
    let host = SocketAddress(own, port: local.port)
    do {
      let connection = Held(try machine.openTCP(to: server, options: dialOptions(from: local)))
      stunConnections.append(connection.tcp)
      let mapped = try await machine.withDeadline(PunchLimits.stunOverTCP) {
        try await self.mapped(over: connection)
      }
      guard !isClosed else { return }
      core.tcpQueryEnded(mapped, local: host)
    } catch {
      guard !isClosed else { return }
      core.tcpQueryEnded(nil, local: host)
    }
    drain()
  }

  private func mapped(over connection: Held) async throws -> SocketAddress? {
    try await connection.tcp.opened()
    var random = machine.random
    let id = TransactionID(using: &random)
    var question = STUNMessageWriter()
    question.begin(.request, .binding, id)
    try await connection.tcp.write(question.copy)
    var reader = STUNStreamReader()
    while let bytes = try await connection.tcp.read() {
      reader.append(bytes)
      guard let frame = try reader.next() else { continue }
      let answer = try STUNMessage(frame.span.bytes)
      return answer.transactionID == id ? answer.mappedAddress : nil
    }
    return nil
  }

  /// A connection that moves from one of this actor's tasks to the next.
  private struct Held: @unchecked Sendable {
    // Used on the machine's executor alone: hence `@unchecked`.
    let tcp: any TCPConnection
    init(_ tcp: any TCPConnection) { self.tcp = tcp }
  }

  private func dialOptions(from local: SocketAddress) -> TCPOptions {
    var options = TCPOptions()
    options.localAddress = local
    options.sharesPort = true
    options.interface = configuration.interface
    return options
  }

  /// What a socket calls on the machine's executor, which is this actor's. It goes when the socket is closed.
  private func handler<Subject>(
    _ subject: Subject, _ body: @escaping (isolated HolePuncher, Subject) -> Void
  ) -> () -> Void {
    nonisolated(unsafe) let (subject, body) = (subject, body)
    return { [weak self] in self?.assumeIsolated { body($0, subject) } }
  }

  // MARK: Connections

  func dial(_ request: PunchCore.DialRequest) {
    guard let tcp = try? machine.openTCP(to: request.remote, options: dialOptions(from: request.local)) else {
      core.dialFailed(request.number, at: machine.now)
      return
    }
    dialling.append((request.number, tcp))
    tcp.onWritable = handler(tcp) { $0.dialEnded(request.number, $1) }
  }

  private func dialEnded(_ number: Int, _ tcp: any TCPConnection) {
    tcp.onWritable = nil
    dialling.removeAll { $0.tcp === tcp }
    switch tcp.phase {
    case .open where core.wants(dial: number): add(tcp, dial: number)
    case .open: tcp.reset()
    case .opening, .failed, .closed:
      tcp.close()
      core.dialFailed(number, at: machine.now)
    }
    drain()
  }

  /// Gives up dials that have taken too long, or are no longer needed.
  func endStaleDials() {
    for (number, tcp) in dialling where !core.wants(dial: number) {
      tcp.onWritable = nil
      tcp.close()
    }
    dialling.removeAll { !core.wants(dial: $0.number) }
  }

  private func accept(from listener: any TCPListener) {
    while let tcp = try? listener.acceptNow() {
      let unproven = connections.filter { !$0.isGone && !core.isProven($0.number) }.count
      guard unproven < PunchLimits.unprovenConnections, connections.count < PunchLimits.connections else {
        tcp.reset()
        continue
      }
      add(tcp, dial: nil)
    }
    drain()
  }

  private func add(_ tcp: any TCPConnection, dial: Int?) {
    let connection = PunchConnection(tcp, number: connections.count)
    connections.append(connection)
    core.connected(
      connection.number, local: tcp.localAddress, remote: tcp.remoteAddress, dial: dial, at: machine.now)
    tcp.onReadable = handler(connection) { $0.read($1) }
    let proof = machine.makeTimer(
      handler(connection) { if !$0.core.isProven($1.number) { $0.end($1) } })
    proof.schedule(at: machine.now.advanced(by: PunchLimits.proofPatience))
    proofTimers.append(proof)
  }

  private func read(_ connection: PunchConnection) {
    let isOfUse = connection.readFrames { frame, size in
      _ = core.receive(
        frame.span.bytes.extracting(first: size), on: .connection(connection.number),
        at: connection.tcp.localAddress.ip, from: connection.tcp.remoteAddress, at: machine.now)
      drain()
      // What follows the last check is the new owner's.
      return !core.isSelected(connection.number)
    }
    if !isOfUse { end(connection) }
    if core.isSelected(connection.number) { connection.tcp.onReadable = nil }
    drain()
  }

  func write(on number: Int) {
    let connection = connections[number]
    guard !connection.isGone else { return }
    if !connection.write(writer.bytes) {
      end(connection)
    } else if !connection.isFlushed {
      connection.tcp.onWritable = handler(connection) { $0.flush($1) }
    }
  }

  private func flush(_ connection: PunchConnection) {
    if !connection.flush() { end(connection) }
    if connection.isFlushed {
      connection.tcp.onWritable = nil
      wakeSelecting()
    }
  }

  private func end(_ connection: PunchConnection) {
    guard !connection.isGone else { return }
    connection.isGone = true
    connection.tcp.close()
    core.disconnected(connection.number, at: machine.now)
  }

  /// Hands a connection over: from now on every byte on it is its new owner's.
  func takeOver(_ number: Int) -> (any TCPConnection)? {
    let connection = connections[number]
    guard !connection.isGone, connection.isFlushed else { return nil }
    connection.isGone = true
    connection.tcp.onReadable = nil
    connection.tcp.onWritable = nil
    return connection.tcp
  }

  func closeTCP() {
    for timer in proofTimers { timer.cancel() }
    for listener in listeners { listener.close() }
    for tcp in stunConnections { tcp.close() }
    for (_, tcp) in dialling {
      tcp.onWritable = nil
      tcp.close()
    }
    for connection in connections where !connection.isGone {
      connection.isGone = true
      connection.tcp.close()
    }
    proofTimers = []
    listeners = []
    stunConnections = []
    dialling = []
  }
}

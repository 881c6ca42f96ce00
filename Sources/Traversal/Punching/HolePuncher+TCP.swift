import WarrenMachine
import WarrenSTUN

/// Simultaneous open: both sides listen and dial, each from the one port that the STUN server saw (RFC 5128, 3.4).
extension HolePuncher {
  func startTCP(_ interfaces: [NetworkInterface]) throws {
    for family in configuration.families {
      let addresses = addresses(of: family, interfaces)
      guard !addresses.isEmpty else { continue }
      var options = TCPOptions()
      options.sharesPort = true
      options.interface = configuration.interface
      let listener = try machine.listenTCP(on: .any(family, port: configuration.port), options: options)
      listeners.append(listener)
      let local = listener.localAddress
      core.addListener(port: local.port, addresses: addresses)
      listener.onConnection = handler(listener) { $0.accept(from: $1) }
      ask(from: local, own: addresses[0])
    }
  }

  /// The networks have changed: this side may be elsewhere, and its port another.
  func restartTCP(_ interfaces: [NetworkInterface]) {
    for task in stunTasks { task.cancel() }
    stunTasks = []
    for tcp in stunConnections { tcp.reset() }
    stunConnections = []
    for listener in listeners {
      let local = listener.localAddress
      let addresses = addresses(of: local.ip.family, interfaces)
      guard !addresses.isEmpty else { continue }
      core.addListener(port: local.port, addresses: addresses)
      ask(from: local, own: addresses[0])
    }
  }

  private func addresses(of family: IPAddress.Family, _ interfaces: [NetworkInterface]) -> [IPAddress] {
    interfaces.flatMap(\.addresses).map(\.ip).filter { $0.family == family && !$0.isLinkLocal }
  }

  /// Asks two servers: where one is silent, the other is not.
  private func ask(from local: SocketAddress, own: IPAddress) {
    for server in configuration.stunServers.filter({ $0.ip.family == local.ip.family }).prefix(2) {
      core.questionBegan()
      stunTasks.append(
        machine.spawn("STUN over TCP at \(server)") { await self.ask(server, from: local, own: own) })
    }
  }

  /// Asks a STUN server how it sees our port, and keeps the connection alive, since the mapping lives no longer.
  private func ask(_ server: SocketAddress, from local: SocketAddress, own: IPAddress) async {
    let host = SocketAddress(own, port: local.port)
    var isFirst = true
    repeat {
      if let connection = try? Held(machine.openTCP(to: server, options: dialOptions(from: local))) {
        stunConnections.append(connection.tcp)
        // However it ends, it is asked for once more.
        try? await keepAsking(over: connection, host, &isFirst)
        stunConnections.removeAll { $0 === connection.tcp }
        connection.tcp.reset()
      }
      if isFirst { endQuestion(&isFirst) }
      do { try await machine.sleep(for: PunchLimits.stunPause) } catch { return }
    } while !isClosed && core.wantsConnection
  }

  private func keepAsking(over connection: Held, _ host: SocketAddress, _ isFirst: inout Bool) async throws {
    repeat {
      let mapped = try await machine.withDeadline(PunchLimits.stunOverTCP) {
        try await self.mapped(over: connection)
      }
      guard let mapped, !isClosed else { return }
      core.tcpPortSeen(at: mapped, local: host)
      if isFirst { endQuestion(&isFirst) } else { drain() }
      try await machine.sleep(for: PunchLimits.keepAlive)
    } while !isClosed && core.wantsConnection
  }

  private func endQuestion(_ isFirst: inout Bool) {
    isFirst = false
    guard !isClosed else { return }
    core.questionEnded()
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
    do {
      while let tcp = try listener.acceptNow() {
        // Whoever came first has had the most time to prove whose it is.
        let unproven = connections.keys.filter { !core.isProven($0) }
        if unproven.count >= PunchLimits.unprovenConnections, let first = unproven.min() {
          connections[first].map(end)
        }
        add(tcp, dial: nil)
      }
    } catch {
      rest(listener)
    }
    drain()
  }

  /// The system has no descriptor left, perhaps: it goes on when it has.
  private func rest(_ listener: any TCPListener) {
    guard let number = listeners.firstIndex(where: { $0 === listener }) else { return }
    listener.onConnection = nil
    let timer = machine.makeTimer(
      handler(listener) { puncher, listener in
        guard !puncher.isClosed else { return }
        listener.onConnection = puncher.handler(listener) { $0.accept(from: $1) }
        puncher.accept(from: listener)
      })
    timer.schedule(at: machine.now.advanced(by: PunchLimits.acceptPause))
    acceptTimers[number] = timer
  }

  private func add(_ tcp: any TCPConnection, dial: Int?) {
    lastConnection += 1
    let connection = PunchConnection(tcp, number: lastConnection)
    connections[lastConnection] = connection
    core.connected(
      connection.number, local: tcp.localAddress, remote: tcp.remoteAddress, dial: dial, at: machine.now)
    tcp.onReadable = handler(connection) { $0.read($1) }
    let proof = machine.makeTimer(
      handler(connection) { if !$0.core.isProven($1.number) { $0.end($1) } })
    proof.schedule(at: machine.now.advanced(by: PunchLimits.proofPatience))
    connection.proof = proof
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

  /// After a restart what was agreed upon is not any more: checks go over it again.
  func readAgain() {
    for (number, connection) in connections.sorted(by: { $0.key < $1.key })
    where connection.tcp.onReadable == nil && !core.isSelected(number) {
      connection.tcp.onReadable = handler(connection) { $0.read($1) }
    }
  }

  func write(on number: Int) {
    guard let connection = connections[number] else { return }
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
      wakeWatching()
    }
  }

  private func end(_ connection: PunchConnection) {
    guard !connection.isGone else { return }
    forget(connection)
    connection.tcp.close()
    core.disconnected(connection.number, at: machine.now)
  }

  /// Hands a connection over: from now on every byte on it is its new owner's.
  func takeOver(_ number: Int) -> (any TCPConnection)? {
    guard let connection = connections[number], connection.isFlushed else { return nil }
    forget(connection)
    connection.tcp.onReadable = nil
    connection.tcp.onWritable = nil
    return connection.tcp
  }

  private func forget(_ connection: PunchConnection) {
    connection.isGone = true
    connection.proof?.cancel()
    connections[connection.number] = nil
  }

  func closeTCP() {
    for timer in acceptTimers.values { timer.cancel() }
    for task in stunTasks { task.cancel() }
    for listener in listeners { listener.close() }
    for tcp in stunConnections { tcp.close() }
    for (_, tcp) in dialling {
      tcp.onWritable = nil
      tcp.close()
    }
    for (_, connection) in connections.sorted(by: { $0.key < $1.key }) {
      forget(connection)
      connection.tcp.close()
    }
    acceptTimers = [:]
    stunTasks = []
    listeners = []
    stunConnections = []
    dialling = []
  }
}

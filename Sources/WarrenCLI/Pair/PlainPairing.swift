import Warren
import WarrenTerminal

/// A pipe over plain TCP between two who ask the original's pairing server, which tells each where the other one is.
///
/// Both listen and dial at once, from the port that the server has seen. Nothing is encrypted, and nobody proves anything.
actor PlainPairing {
  /// How long a try to get through may take, and how long the next one waits for.
  private static let patience: Duration = .seconds(2)
  private static let pause: Duration = .milliseconds(200)

  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  private let server: SocketAddress
  private let meeting: Meeting
  private var dialled: (any TCPConnection)?
  private var connection: (any TCPConnection)?
  private var waits: [Wait<Void>] = []
  /// What the server has said last.
  private var reason = "it has not answered"

  init(at server: SocketAddress, _ meeting: Meeting, on machine: any Machine) {
    (self.server, self.meeting, self.machine) = (server, meeting, machine)
  }

  /// Where the other one is, and where this one is to be reached.
  func meet() async throws -> (peer: SocketAddress, own: SocketAddress) {
    do {
      return try await machine.withDeadline(meeting.timeout) { try await self.find() }
    } catch is DeadlineExceeded {
      throw PeerError(
        .notFound, "nobody has come within \(meeting.timeout); the server: \(reason.undisturbing)")
    }
  }

  private func find() async throws -> (SocketAddress, SocketAddress) {
    while true {
      if meeting.mayAsk, let found = try await ask(waiting: false) { return found }
      if meeting.mayWait, let found = try await ask(waiting: true) { return found }
      guard meeting.mayAsk, meeting.mayWait else {
        throw PeerError(.notFound, "the server: \(reason.undisturbing)")
      }
      try await machine.sleep(for: Self.pause)
    }
  }

  private func ask(waiting isWaiting: Bool) async throws -> (SocketAddress, SocketAddress)? {
    var options = TCPOptions()
    options.sharesPort = true
    let caller = try await machine.connectTCP(to: server, options: options)
    defer { caller.close() }
    let question = PairingQuestion.text(
      key: meeting.secret, expecting: isWaiting ? .any(server.ip.family) : nil)
    try await caller.write(question)
    var bytes: [UInt8] = []
    while bytes.count < PairingLimits.questionBytes, let more = try await caller.read() { bytes += more }
    let reply = try PairingReply(bytes)
    guard let address = reply.address else {
      reason = reply.reason
      return nil
    }
    return (address, caller.localAddress)
  }

  /// Gets through to the other one.
  func open(to peer: SocketAddress, from own: SocketAddress) async throws {
    var options = TCPOptions()
    (options.sharesPort, options.localAddress) = (true, own)
    let listener = try machine.listenTCP(on: own, options: options)
    defer { listener.close() }
    let accepting = machine.spawn("the other one's call") { [weak listener] in
      while let caller = try await listener?.accept() { self.take(caller, from: peer) }
    }
    defer { accepting.cancel() }
    let dialling = machine.spawn("calling the other one") {
      for _ in 0..<self.meeting.tries where self.connection == nil {
        try await self.dial(peer, options)
        try await self.machine.sleep(for: Self.pause)
      }
    }
    defer { dialling.cancel() }
    do {
      let time = (Self.patience + Self.pause) * (meeting.tries + 1)
      try await machine.withDeadline(time) { try await self.waitForConnection() }
    } catch is DeadlineExceeded {
      throw PeerError(.noPath, "no TCP gets through to \(peer) in \(meeting.tries) tries")
    }
  }

  private func dial(_ peer: SocketAddress, _ options: TCPOptions) async throws {
    guard let caller = try? machine.openTCP(to: peer, options: options) else { return }
    dialled = caller
    let watch = machine.spawn("patience with a call") {
      try await self.machine.sleep(for: Self.patience)
      if self.connection !== self.dialled { self.dialled?.close() }
    }
    defer { watch.cancel() }
    do {
      try await caller.opened()
      take(caller, from: peer)
    } catch {
      caller.close()
      try Task.checkCancellation()
    }
  }

  private func take(_ caller: any TCPConnection, from peer: SocketAddress) {
    // Others who call are strangers.
    guard connection == nil, caller.remoteAddress.ip.canonical == peer.ip.canonical else {
      return caller.close()
    }
    connection = caller
    waits.takeAll().endAll(.success(()))
  }

  private func waitForConnection() async throws {
    try await machine.suspend({ "the other one" }) { wait in
      if connection == nil { waits.add(wait) } else { wait.succeed(()) }
    }
  }

  /// Carries everything, both ways.
  func carry() async throws {
    let (input, output) = (InputBytes(ahead: 4), OutputBytes())
    defer { connection?.close() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for try await piece in input { try await self.write(piece) }
        try await self.finish()
      }
      group.addTask {
        while let piece = try await self.read() { try await output.write(piece) }
        output.finish()
      }
      // The first error ends both: `waitForAll` would wait for what somebody types.
      for try await _ in group {}
    }
  }

  private func write(_ bytes: [UInt8]) async throws { try await connection?.write(bytes) }
  private func read() async throws -> [UInt8]? { try await connection?.read() }
  private func finish() throws { try connection?.finish() }
}

import WarrenCrypto
import WarrenMachine

/// A TLS 1.3 connection over TCP, with a peer whose key is known: for networks that let nothing else through.
///
/// ```swift
/// let tcp = try await machine.connectTCP(to: address)
/// let connection = try await TLSConnection.connect(
///   over: tcp, try TLSIdentity(key), TLSConfiguration(protocols: ["chat"]), expecting: bob)
/// try await connection.write(Array("Hello!".utf8))
/// ```
///
/// One may read while another writes; two may not read at once, nor write. The end of the other side's bytes is nil where it
/// said so itself, and an error where something cut them off.
public actor TLSConnection {
  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  /// Who the other side is; nil where it has no key of ours, as others' programs may.
  public nonisolated let peer: PeerID?
  /// What is spoken over it.
  public nonisolated let protocolName: String
  // Both are used on the machine's executor alone.
  private nonisolated(unsafe) let core: TLSCore
  private nonisolated(unsafe) let tcp: any TCPConnection

  private init(_ core: TLSCore, over tcp: any TCPConnection) {
    machine = tcp.machine
    peer = core.peer
    protocolName = core.protocolName
    self.core = core
    self.tcp = tcp
  }

  // MARK: Beginning

  /// Shakes hands with whoever is at the other end of `tcp`, which belongs to the connection from then on, and is closed
  /// where it fails.
  ///
  /// - Parameters:
  ///   - peer: who must be there; anyone else's answer ends it. Nil for whom ``TLSConfiguration/authorities`` vouch for; where
  ///     there are none, for whoever answers, which proves nothing.
  ///   - name: what a server with an X.509 certificate is called.
  /// - Throws: a ``TLSError``, or what TCP says.
  public static func connect(
    over tcp: any TCPConnection, _ identity: TLSIdentity, _ configuration: TLSConfiguration,
    expecting peer: PeerID?, name: String? = nil
  ) async throws -> TLSConnection {
    try await open(over: tcp, .client(expecting: peer, name: name), identity, configuration)
  }

  /// Shakes hands with whoever has connected by `tcp`, which belongs to the connection from then on, and is closed where it
  /// fails.
  ///
  /// - Parameter words: what was read from it already, to see which protocol it is: less than a record.
  /// - Throws: a ``TLSError``, or what TCP says.
  public static func accept(
    over tcp: any TCPConnection, _ identity: TLSIdentity, _ configuration: TLSConfiguration,
    after words: [UInt8] = []
  ) async throws -> TLSConnection {
    try await open(over: tcp, .server, identity, configuration, after: words)
  }

  private static func open(
    over tcp: any TCPConnection, _ side: TLSCore.Side, _ identity: TLSIdentity,
    _ configuration: TLSConfiguration, after words: [UInt8] = []
  ) async throws -> TLSConnection {
    let machine = tcp.machine
    machine.preconditionOnExecutor()
    let core: TLSCore
    do { core = try TLSCore(side, identity, configuration, at: machine.now) } catch {
      tcp.close()
      throw error
    }
    let timer = machine.makeTimer {
      core.handleDeadline(at: machine.now)
      // Whoever waits looks again.
      tcp.close()
    }
    if let deadline = core.nextDeadline { timer.schedule(at: deadline) }
    defer { timer.cancel() }
    if !words.isEmpty { _ = core.receive(words.span.bytes) }
    do {
      while core.phase == .handshaking {
        try await core.flush(to: tcp)
        try await core.fill(from: tcp)
      }
      // The last flight, or an alert.
      try await core.flush(to: tcp)
      try core.checkEnd()
    } catch {
      tcp.close()
      try core.checkEnd()
      // The last flight does not leave.
      if !timer.isScheduled { throw TLSError(.handshakeTimeout) }
      throw error
    }
    // They stay on the executor on which they are now.
    nonisolated(unsafe) let (own, beneath) = (core, tcp)
    return TLSConnection(own, over: beneath)
  }

  // MARK: Reading and writing

  /// The next bytes, at least one and at most `limit`; nil when the other side has finished.
  ///
  /// - Throws: ``TLSError/Code/truncated`` where the bytes ended and it had not.
  public func read(atMost limit: Int = MachineLimits.readBytes) async throws -> [UInt8]? {
    precondition(limit > 0, "reading needs room for a byte")
    // An alert, if there is one.
    defer { if core.phase != .open { try? core.flushNow(to: tcp) } }
    while true {
      var result = TCPRead.nothingYet
      let bytes = try [UInt8](rawCapacity: limit) { (buffer) throws(TLSError) in
        result = try core.read(into: &buffer)
      }
      switch result {
      case .bytes: return bytes
      case .ended: return nil
      case .nothingYet: try await core.fill(from: tcp)
      }
    }
  }

  /// Writes all of `bytes`, waiting where the other side is slow.
  ///
  /// When it throws, or its task is cancelled, nobody knows how many of the bytes will arrive.
  public func write(_ bytes: [UInt8]) async throws {
    var written = 0
    repeat {
      written += try core.write(bytes.span.bytes.extracting(droppingFirst: written))
      try await flush()
    } while written < bytes.count
  }

  /// Says that nothing more will be written; the other side still can.
  public func finish() async throws {
    try core.finish()
    try await flush()
    try tcp.finish()
  }

  private func flush() async throws {
    do { try await core.flush(to: tcp) } catch {
      // Who has closed it meanwhile knows more than TCP.
      try core.checkEnd()
      throw error
    }
  }

  /// Closes at once. What was written still arrives if it can, and the other side is told that this was all, unless it keeps
  /// TCP from taking more.
  public func close() {
    if core.phase == .open { try? core.finish() }
    try? core.flushNow(to: tcp)
    core.abandon()
    tcp.close()
  }
}

extension TLSCore {
  /// Has TCP take all that is to leave.
  fileprivate func flush(to tcp: any TCPConnection) async throws {
    while true {
      try flushNow(to: tcp)
      if outgoingCount == 0 { return }
      try await tcp.waitUntilWritable("write to")
    }
  }

  /// Has TCP take what it takes without waiting.
  fileprivate func flushNow(to tcp: any TCPConnection) throws(NetworkError) {
    var left = 0
    while outgoingCount > 0, outgoingCount != left {
      left = outgoingCount
      try transmit { (bytes) throws(NetworkError) in try tcp.writeNow(bytes) }
    }
  }

  /// Takes what has arrived, as soon as something has.
  fileprivate func fill(from tcp: any TCPConnection) async throws {
    while true {
      try checkEnd()
      let found = try receive { (buffer) throws(NetworkError) in try tcp.readNow(into: &buffer) }
      switch found {
      case .bytes: return
      case .ended: return receiveEnd()
      case .nothingYet: try await tcp.waitUntilReadable()
      }
    }
  }

  /// Throws why it is over, if it is.
  fileprivate func checkEnd() throws(TLSError) { if case .ended(let error?) = phase { throw error } }
}

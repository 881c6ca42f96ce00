import WarrenCrypto
import WarrenMachine

/// A QUIC connection with a peer whose key is known.
public final class Connection: Sendable {
  package let endpoint: QUICEndpoint
  // Used on the endpoint's executor alone.
  nonisolated(unsafe) let core: ConnectionCore
  nonisolated(unsafe) let state: ConnectionState

  /// Who the other side is; nil where it has no key of ours, as others' programs may.
  public let peer: PeerID?
  /// Whether this side has begun it.
  public let isClient: Bool
  /// What is spoken over it.
  public let protocolName: String
  /// Datagrams that the other side sends. Who reads slowly loses the oldest.
  public let datagrams: AsyncStream<[UInt8]>
  /// Paths that were tried, and whether they carry packets.
  public let pathChanges: AsyncStream<(path: NetworkPath, isUsable: Bool)>

  init(_ endpoint: QUICEndpoint, _ core: ConnectionCore, _ state: ConnectionState) {
    self.endpoint = endpoint
    self.core = core
    self.state = state
    peer = core.peer
    isClient = core.side == .client
    protocolName = core.protocolName
    datagrams = state.incomingDatagrams
    pathChanges = state.pathChanges
  }

  /// Whether both are the same connection.
  public func isSame(as other: Connection) -> Bool { core === other.core }

  /// Waits until both sides have proven that they are there: which nobody can who has but recorded what they once said.
  ///
  /// - Returns: whether what was sent before that has been taken. If not, streams have ended with
  ///   ``QUICError/Code/earlyDataRefused``, and what was on them is to be sent again.
  @discardableResult
  public func confirmed() async throws -> Bool { try await endpoint.confirm(core, state) }

  /// Whether both sides have: see ``confirmed()``.
  public var isConfirmed: Bool { get async { await endpoint.isConfirmed(core) } }

  /// Waits until the other side has taken this one's key. Who has connected may use streams a round trip before it knows; and
  /// that somebody does not want it comes as the end of the connection.
  public func taken() async throws { try await endpoint.waitUntilTaken(core, state) }

  /// Opens a stream, as soon as the other side permits one more.
  public func openStream(isBidirectional: Bool = true) async throws -> Stream {
    try await endpoint.openStream(core, state, isBidirectional: isBidirectional)
  }

  /// Sends a datagram, which may get lost (RFC 9221).
  ///
  /// - Returns: whether there was room for it: with too many unsent it is dropped.
  /// - Throws: where the other side takes none, or none of this size.
  @discardableResult
  public func send(datagram bytes: [UInt8]) async throws -> Bool {
    try await endpoint.send(bytes, over: core)
  }

  /// The largest datagram that can be sent, as things are.
  public var datagramCapacity: Int { get async { await endpoint.datagramCapacity(of: core) } }

  /// What is known of the way.
  public var statistics: ConnectionCore.Statistics { get async { await endpoint.statistics(of: core) } }

  /// When the other side's last packet has come.
  public var lastHeard: Instant { get async { await endpoint.lastHeard(of: core) } }

  /// Between which places its packets go.
  public var networkPath: NetworkPath { get async { await endpoint.networkPath(of: self) } }

  /// Goes on over another path once it is known to carry packets, or at once; see ``pathChanges``.
  public func migrate(to path: NetworkPath, atOnce: Bool = false) async throws {
    try await endpoint.migrate(core, to: path, atOnce: atOnce)
  }

  /// Closes it, with a number and a reason that the other side's application is told.
  public func close(code: UInt64 = 0, reason: String = "") async {
    await endpoint.close(core, code: code, reason: reason)
  }

  /// Waits until it is over, and says why.
  public func closed() async throws -> QUICError { try await endpoint.waitForEnd(of: core, state) }
}

extension QUICEndpoint {
  func openStream(
    _ core: ConnectionCore, _ state: ConnectionState, isBidirectional: Bool
  ) async throws -> Connection.Stream {
    while true {
      if let stream = try core.openStream(isBidirectional: isBidirectional) {
        scheduleFlush()
        return Connection.Stream(self, stream)
      }
      // Between the call and here others may have run: what is true now decides.
      try await machine.suspend({ "the other side to permit another stream" }) { wait in
        if core.error != nil || core.streamsLeft(isBidirectional: isBidirectional) > 0 {
          wait.succeed(())
        } else {
          state.waitToOpen(wait)
        }
      }
    }
  }

  func waitForHandshake(of core: ConnectionCore, _ state: ConnectionState) async throws {
    if core.phase == .handshaking {
      let remote = core.path.remote
      try await machine.suspend({ "QUIC's handshake with \(remote)" }) { wait in
        if core.phase != .handshaking { wait.succeed(()) } else { state.waitForHandshake(wait) }
      }
    }
    if let error = core.error { throw error }
  }

  func waitUntilTaken(_ core: ConnectionCore, _ state: ConnectionState) async throws {
    try await machine.suspend({ "the other side to take this one's key" }) { (wait: Wait<Void>) in
      if let error = core.error {
        wait.fail(error)
      } else if core.isTaken {
        wait.succeed(())
      } else {
        state.waitUntilTaken(wait)
      }
    }
  }

  func isConfirmed(_ core: ConnectionCore) -> Bool { core.phase != .handshaking }

  func confirm(_ core: ConnectionCore, _ state: ConnectionState) async throws -> Bool {
    try await waitForHandshake(of: core, state)
    return !core.earlyDataWasRefused
  }

  func send(_ datagram: [UInt8], over core: ConnectionCore) throws -> Bool {
    defer { scheduleFlush() }
    return try core.send(datagram: datagram)
  }

  func datagramCapacity(of core: ConnectionCore) -> Int { core.datagramCapacity }

  func statistics(of core: ConnectionCore) -> ConnectionCore.Statistics { core.statistics }

  func lastHeard(of core: ConnectionCore) -> Instant { core.lastReceived }

  func migrate(_ core: ConnectionCore, to path: NetworkPath, atOnce: Bool) throws {
    defer { scheduleFlush() }
    try core.migrate(to: path, atOnce: atOnce, at: machine.now)
  }

  func close(_ core: ConnectionCore, code: UInt64, reason: String) {
    // What was said in this turn leaves first, as a farewell should: once it is closed nothing does.
    flush()
    core.close(code: code, reason: reason, at: machine.now)
    flush()
  }

  func waitForEnd(of core: ConnectionCore, _ state: ConnectionState) async throws -> QUICError {
    while true {
      if let error = core.error { return error }
      try await machine.suspend({ "the end of a connection" }) { wait in
        if core.error != nil { wait.succeed(()) } else { state.waitForEnd(wait) }
      }
    }
  }
}

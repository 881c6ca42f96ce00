import WarrenMachine

/// What is needed to look after the paths of connections.
extension QUICEndpoint {
  /// Between which places a connection's packets go.
  public func networkPath(of connection: Connection) -> NetworkPath { connection.core.path }

  /// Since when an answer is owed to a connection, if nothing has come since then, and how long one takes.
  public func awaited(by connection: Connection) -> (since: Instant?, roundTrip: Duration) {
    (connection.core.awaitedSince, connection.core.roundTrip)
  }

  /// Calls `body` once, as soon as an answer is owed to a connection.
  ///
  /// - Returns: whether it is open, so that one may be.
  public func whenAwaited(by connection: Connection, _ body: sending @escaping () -> Void) -> Bool {
    guard connection.core.phase == .open else { return false }
    connection.core.onWaiting = body
    return true
  }

  /// A connection says from now on that it is alive after so long with nothing else to say; nil for never.
  public func sayAlive(_ connection: Connection, every interval: Duration?) {
    connection.core.sayAlive(every: interval)
  }

  /// After how long without a word the two ends of a connection have agreed that it is over; nil for never.
  public func agreedIdleTimeout(of connection: Connection) -> Duration? { connection.core.agreedIdleTimeout }

  /// A secret that the two ends of a connection have and nobody else, for this purpose (RFC 8446, 7.5); nil where the two do
  /// not know each other yet.
  public func secret(of connection: Connection, for purpose: String) -> [UInt8]? {
    connection.core.secret(for: purpose)
  }

  /// Sends a datagram, which may get lost; where there is no room for it, or it is too large for the way, it is.
  public func send(datagram bytes: [UInt8], over connection: Connection) {
    _ = try? send(bytes, over: connection.core)
  }

  /// Goes on over another path: see ``Connection/migrate(to:atOnce:)``.
  public func migrate(_ connection: Connection, to path: NetworkPath, atOnce: Bool) throws {
    try migrate(connection.core, to: path, atOnce: atOnce)
  }

  /// Nothing comes on a connection's way, and this one may lead to the other side: where that does not know yet that the two are
  /// connected, it hears it there.
  public func meet(_ connection: Connection, on path: NetworkPath) {
    connection.core.meet(on: path, at: machine.now)
    scheduleFlush()
  }

  /// A connection asks soon for what it would ask for later: it gets through again.
  public func askNow(_ connection: Connection) {
    connection.core.askNow(at: machine.now)
    scheduleFlush()
  }

  /// Finds out anew how long a connection's way is.
  public func measureAgain(_ connection: Connection) {
    connection.core.measureAgain(at: machine.now)
    scheduleFlush()
  }

  /// What belongs to whoever looks after a connection's paths. It goes with the connection.
  public func attach(_ object: (any AnyObject & Sendable)?, to connection: Connection) {
    // What holds the connection is not held by it for ever.
    guard object == nil || connection.core.phase != .ended else { return }
    connection.state.attachment = object
  }

  /// See ``attach(_:to:)``.
  public func attachment(of connection: Connection) -> (any AnyObject & Sendable)? {
    connection.state.attachment
  }
}

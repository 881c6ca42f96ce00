import WarrenMachine
import WarrenQUIC

/// The ways of a connection that a ``Peer`` has made.
extension Connection {
  /// The way that its packets take.
  public var path: Path { get async { await endpoint.paths(of: self)[0] } }

  /// All ways on which the other side can be reached, as far as is known; the one in use first.
  public var paths: [Path] { get async { await endpoint.paths(of: self) } }

  /// The way that its packets take, now and whenever it changes.
  public var pathUpdates: AsyncStream<Path> { get async { await endpoint.pathUpdates(of: self) } }

  /// Goes on over a way of this kind as soon as there is one, and whenever there is; nil for the best that there is.
  ///
  /// Nothing is lost on the way: what is said meanwhile comes, once and in order. Where such a way is lost, the connection goes
  /// on over another, and comes back when it can.
  ///
  /// Of several who want different ways the latest decides, and the others are told so (``PeerError/Code/replaced``).
  ///
  /// - Parameter patience: how long it is looked for. If there is none until then, the connection goes on as before.
  /// - Throws: a ``PeerError`` that says so.
  public func prefer(_ kind: Path.Kind?, patience: Duration = PathLimits.wish) async throws {
    try await endpoint.prefer(kind, for: self, patience)
  }
}

extension QUICEndpoint {
  private func keeper(of connection: Connection) -> ConnectionPaths? {
    attachment(of: connection) as? ConnectionPaths
  }

  func paths(of connection: Connection) -> [Path] {
    if let keeper = keeper(of: connection) { return keeper.paths }
    let network = networkPath(of: connection)
    return [
      Path(
        kind: .direct, network: network, state: .alive, roundTrip: awaited(by: connection).roundTrip, loss: 0,
        lastAnswer: nil, isUsed: true)
    ]
  }

  func pathUpdates(of connection: Connection) -> AsyncStream<Path> {
    keeper(of: connection)?.changes() ?? AsyncStream { $0.finish() }
  }

  func prefer(_ kind: Path.Kind?, for connection: Connection, _ patience: Duration) async throws {
    guard let keeper = keeper(of: connection) else {
      throw PeerError(.closed, "the connection is over, or no peer has made it")
    }
    let wish = keeper.prefer(kind)
    do {
      let machine = machine
      try await machine.withDeadline(patience) {
        try await machine.suspend({ "a way that is \(kind?.rawValue ?? "any")" }) {
          keeper.wait(for: wish, $0)
        }
      }
    } catch {
      // It may have been decided at the last moment.
      if let result = wish.result { return try result.get() }
      keeper.withdraw(wish)
      guard error is DeadlineExceeded, let kind else { throw error }
      throw PeerError(
        .noPath, "no \(kind) way has opened within \(patience): the connection goes on as before")
    }
  }
}

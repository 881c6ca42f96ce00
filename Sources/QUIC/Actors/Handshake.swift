import WarrenCrypto
import WarrenMachine

/// A handshake with a peer of whom it is not known yet on which way it can be reached: what is said leaves over every way that
/// is known, and the way on which the handshake is done first is the connection's.
public final class Handshake: Sendable {
  let endpoint: QUICEndpoint
  // Used on the endpoint's executor alone.
  nonisolated(unsafe) let core: ConnectionCore
  nonisolated(unsafe) let state: ConnectionState

  init(_ endpoint: QUICEndpoint, _ core: ConnectionCore, _ state: ConnectionState) {
    self.endpoint = endpoint
    self.core = core
    self.state = state
  }

  /// What has been sent: whoever can reach the other side by other means may hand it over, to ``QUICEndpoint/answer(_:from:over:)``.
  public var flight: [[UInt8]] { get async { await endpoint.flight(of: core) } }

  /// Streams can be used already, as the two have met before: see ``QUICEndpoint/connect(to:expecting:name:early:)``.
  public var early: Connection? { get async { await endpoint.earlyConnection(core, state) } }

  /// The other side may be reached on this way, too.
  public func add(_ way: NetworkPath) async { await endpoint.add(way, to: core) }

  /// It is known by now who must answer: somebody else who does is a stranger.
  public func expect(_ peer: PeerID) async { await endpoint.expect(peer, of: core) }

  /// Says what has been said once more, unless something has come back already.
  public func sayAgain() async { await endpoint.sayAgain(core) }

  /// Whether anything of the other side has come, over whatever way.
  public var isHeard: Bool { get async { await endpoint.isHeard(core) } }

  /// Waits until both know each other, and gives the connection.
  public func connection() async throws -> Connection {
    try await endpoint.waitForHandshake(of: core, state)
    return Connection(endpoint, core, state)
  }

  /// Gives up; where it is done already, nobody gets the connection.
  public func cancel() async { await endpoint.close(core, code: 0, reason: "") }

  /// Whether this is what it has become.
  public func isSame(as connection: Connection) -> Bool { core === connection.core }
}

extension Handshake {
  /// Where what has ended it came from; nil where it goes on, was done, or nothing came.
  public var endedBy: NetworkPath? { get async { await endpoint.endOfHandshake(core) } }
}

extension QUICEndpoint {
  func endOfHandshake(_ core: ConnectionCore) -> NetworkPath? { core.handshakeEndedBy }

  /// Begins a handshake with a peer that may be anywhere: see ``Handshake/add(_:)``.
  ///
  /// - Parameter peer: who it must be; nil for whoever answers, who is to be looked at then.
  public func beginHandshake(
    with peer: PeerID?, early: Bool = false, protocols: [String]? = nil
  ) throws -> Handshake {
    guard !isClosed else { throw QUICError(.closed) }
    let core = try core.connectOpenly(to: peer, early: early, protocols: protocols, at: machine.now)
    let handshake = Handshake(self, core, state(of: core))
    // What is written early leaves with the first packet.
    if core.carriesStreams { scheduleFlush() } else { flush() }
    return handshake
  }

  /// Answers the first packets of a peer that somebody trusted has brought, over all of these ways. It is for whoever calls
  /// this to decide that the peer is wanted.
  public func answer(_ flight: [[UInt8]], from peer: PeerID, over ways: [NetworkPath]) throws -> Handshake {
    guard !isClosed else { throw QUICError(.closed) }
    let core = try core.accept(flight, from: peer, over: ways, at: machine.now)
    let state = state(of: core)
    state.isAwaited = true
    flush()
    return Handshake(self, core, state)
  }

  func expect(_ peer: PeerID, of core: ConnectionCore) { core.expect(peer) }

  func flight(of core: ConnectionCore) -> [[UInt8]] {
    flush()
    return core.flight
  }

  func add(_ way: NetworkPath, to core: ConnectionCore) {
    core.add(way, at: machine.now)
    flush()
  }

  func sayAgain(_ core: ConnectionCore) {
    core.sayAgain(at: machine.now)
    flush()
  }

  func isHeard(_ core: ConnectionCore) -> Bool { core.ways?.isHeard ?? true }

  func earlyConnection(_ core: ConnectionCore, _ state: ConnectionState) -> Connection? {
    core.carriesStreams ? Connection(self, core, state) : nil
  }
}

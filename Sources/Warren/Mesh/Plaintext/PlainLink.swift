import WarrenMachine
import WarrenMesh

/// A connection of a ``PlainMesh``, and what waits with it. Used on the machine's executor alone.
final class PlainLink: @unchecked Sendable {
  let connection: any TCPConnection
  var core: PlainLinkCore
  /// Whom this node has dialled, if it has.
  let dialled: SocketAddress?
  /// Once both know each other.
  var peer: PlainPeer?
  var timer: MachineTimer?
  /// Until when it is not decided whether the other side is wanted.
  var undecidedUntil: Instant?
  /// Whether the shell is telling the core something, or doing what it wants.
  var isDriven = false
  /// What the connection did not take, and whether it is waited until it does.
  var rest: [UInt8] = []
  var isWriting = false
  /// Whether all that is left is to write what was said.
  var isOver = false
  /// Whether all was written, and the other side was told so.
  var isFinished = false
  /// Whether the other side says nothing any more.
  var hasEnded = false
  /// Those who wait until both know each other.
  var waits: [Wait<PlainPeer>] = []
  /// How it ended before that.
  var outcome: Result<PlainPeer, any Error>?

  init(_ connection: any TCPConnection, _ core: PlainLinkCore, dialled: SocketAddress? = nil) {
    self.connection = connection
    self.core = core
    self.dialled = dialled
  }

  /// Where others can reach the peer, as far as that is known.
  var place: SocketAddress? { dialled ?? core.listens }

  /// Whether nobody knows yet who the other side is.
  var isStrange: Bool { dialled == nil && peer == nil && !isOver }

  func settle(_ result: Result<PlainPeer, any Error>) {
    guard outcome == nil else { return }
    outcome = result
    waits.takeAll().endAll(result)
  }
}

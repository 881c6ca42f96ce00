import WarrenCrypto
import WarrenMachine
import WarrenQUIC

/// A transfer that this side receives, over one stream after the other. Used on the machine's executor alone.
final class IncomingTransfer: @unchecked Sendable {
  let id: FileTransfer.ID
  let peer: PeerID?
  let manifest: FileManifest
  /// Tells its list of files from another.
  let digest: [UInt8]
  /// What an earlier program has written down.
  let note: FileNote?
  /// What this program has answered.
  var answer: Answer?
  /// How it goes, once it is accepted.
  var transfer: FileTransfer?
  var destination: FileDestination?
  /// By which stream it comes, and which one is being worked on: the one before may have to come to its end.
  var session: IncomingSession?
  var worker: IncomingSession?
  /// How many bytes its list of files has come in.
  var manifestBytes = 0
  /// Whether it is its turn.
  var isMoving = false
  /// Why it is to end, if this side wants it to.
  var ending: FileTransferError?
  /// Ends it when it stands still for too long.
  var timer: MachineTimer?
  private var waits: [Wait<Void>] = []

  /// Under which name it is taken, and into which folder.
  struct Answer {
    var name: String
    var folder: String?
  }

  init(
    _ id: FileTransfer.ID, _ manifest: FileManifest, _ digest: [UInt8], from peer: PeerID?,
    _ note: FileNote? = nil
  ) {
    (self.id, self.manifest, self.digest, self.peer, self.note) = (id, manifest, digest, peer, note)
  }

  func wait(_ wait: Wait<Void>) { waits.add(wait) }
  func wake() { waits.takeAll().endAll(.success(())) }
}

/// One stream by which something comes.
final class IncomingSession: @unchecked Sendable {
  let stream: Connection.Stream
  let peer: PeerID?
  var core = FileReceivingCore()
  var task: Task<Void, any Error>?
  /// What comes first while the offer is thought about, and whether it is there.
  private var ahead: Task<[UInt8]?, any Error>?
  private(set) var hasMore = false
  private var isLeft = false

  init(_ stream: Connection.Stream, from peer: PeerID?) { (self.stream, self.peer) = (stream, peer) }

  /// How many bytes its list of files has, as far as that is known.
  var manifestBytes = 0

  /// From now on the list is the transfer's.
  func handOver(to transfer: IncomingTransfer) {
    (transfer.manifestBytes, manifestBytes) = (manifestBytes, 0)
  }

  /// What comes next; nil at the end.
  func read() async throws -> [UInt8]? {
    if let ahead {
      self.ahead = nil
      return try await ahead.value
    }
    // All that is there: to take a part of it would be to copy it.
    return try await stream.read()
  }

  /// Reads what comes next while others wait for something else, and calls `body` when it is there.
  func readAhead(on machine: any Machine, _ body: @escaping @Sendable () -> Void) {
    guard ahead == nil else { return }
    let stream = stream
    ahead = machine.spawn("what comes after an offer") {
      defer {
        self.hasMore = true
        body()
      }
      return try await stream.read(atMost: FileLimits.blockBytes)
    }
  }

  /// Gives the stream up, so that whoever works on it notices: the first to do so says why.
  func leave(_ error: FileTransferError, saysWhy: Bool = false) async {
    guard !isLeft else { return }
    isLeft = true
    await stream.leave(error, saysWhy: saysWhy)
  }
}

import WarrenCrypto
import WarrenMachine
import WarrenQUIC

/// Sends files and folders to others, and receives theirs into a folder.
///
/// ```swift
/// let exchange = FileExchange(on: machine, into: "/home/alice/Downloads")
/// let transfer = try await exchange.send("holiday") { try await peer.connect(to: "bob") }
/// try await transfer.finished()
///
/// for await offer in exchange.offers { _ = try await offer.accept() }
/// ```
///
/// Without a folder it sends alone, and refuses what is offered to it.
///
/// Each transfer has a stream of its own, which begins with ``streamMark``; whoever owns a connection reads that much of a stream, and
/// hands it to ``take(_:from:)``. When a connection breaks, the sender asks for another, and goes on behind the last block that is on
/// the receiver's disk and has the right hash. A file has its name only when all of it is there, and right, and will stay.
public actor FileExchange {
  /// The bytes with which each of its streams begins.
  public static let streamMark: [UInt8] = Array("wfx1".utf8)

  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  /// Where files go that are received; nil where none are taken.
  public nonisolated let folder: String?
  /// How it is.
  public nonisolated let configuration: Configuration
  /// What others want to send, where ``Configuration/policy`` says that it is for this program to decide.
  public nonisolated let offers: AsyncStream<FileOffer>
  /// What is received without having been asked about: as the policy lets it in, or since an earlier program has accepted it. Who
  /// reads slowly loses the oldest.
  public nonisolated let arrivals: AsyncStream<FileTransfer>

  /// How files are taken.
  public struct Configuration: Sendable {
    /// What is taken.
    public var policy = Policy.ask
    /// Offers that wait for an answer: of one peer, and of all.
    public var offersOfPeer = 16
    public var offers = 64
    /// Transfers that are received at once: of one peer, and of all. Others wait for their turn.
    public var transfersOfPeer = 4
    public var transfers = 16
    /// How many bytes a transfer may have.
    public var largestTransfer: UInt64 = 1 << 40
    /// For how long a transfer that stands still may go on later: a laptop's way from home to work.
    public var patience: Duration = .seconds(1800)

    /// The usual.
    public init() {}
  }

  /// What is taken.
  public enum Policy: Sendable {
    /// What this program accepts: see ``FileExchange/offers``.
    case ask
    /// Everything within the limits.
    case everything
    /// What this says; of the rest this program is asked.
    case when(@Sendable (FileOffer) -> Bool)
  }

  let offering: AsyncStream<FileOffer>.Continuation
  let arriving: AsyncStream<FileTransfer>.Continuation
  var outgoing: [OutgoingTransfer] = []
  var incoming: [IncomingTransfer] = []
  /// Streams by which something is received, or will be.
  var sessions: [IncomingSession] = []
  /// How transfers have ended that their senders may ask about again; nil for well.
  var ends: [(id: FileTransfer.ID, peer: PeerID?, error: FileTransferError?)] = []
  private(set) var isClosed = false

  /// An exchange that receives into `folder`, which is not looked at before something is; nil for one that only sends.
  public init(
    on machine: any Machine, into folder: String? = nil, _ configuration: Configuration = Configuration()
  ) {
    self.machine = machine
    self.folder = folder
    self.configuration = configuration
    (offers, offering) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    (arrivals, arriving) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingNewest(FileLimits.waitingTransfers))
  }

  /// Where files go: whoever has no folder takes no stream.
  var home: String { folder! }

  /// Ends what is under way; it may go on with another exchange for the same folder, or under the same number.
  public func close() async {
    guard !isClosed else { return }
    isClosed = true
    let closed = FileTransferError(.closed, "the exchange is closed")
    for transfer in outgoing { end(transfer, with: closed) }
    for transfer in incoming { await end(transfer, with: closed) }
    for session in sessions { await session.leave(closed) }
    offering.finish()
    arriving.finish()
    for task in outgoing.compactMap(\.task) + sessions.compactMap(\.task) { _ = await task.result }
  }
}

extension FileTransferError {
  /// What any error means for a transfer.
  init(meaning error: any Error) {
    switch error {
    case let error as FileTransferError: self = error
    case let error as FileError: self.init(error)
    case let error as QUICError:
      if case .reset(let code) = error.code, error.isRemote {
        self.init(streamCode: code)
      } else {
        self.init(.interrupted, "\(error)")
      }
    case NetworkError.machineClosed: self.init(.closed, "the machine is closed")
    default: self.init(.interrupted, "\(error)")
    }
  }
}

extension Connection.Stream {
  /// Gives a transfer's stream up. The other side is told why in words, where that need not wait for anything.
  func leave(_ error: FileTransferError, saysWhy: Bool) async {
    if saysWhy, !error.isRemote, (try? await write(FileFrame.failed(error).encoded)) != nil {
      try? await finish()
    } else {
      await reset(code: error.streamCode)
    }
    await stop(code: error.streamCode)
  }

  /// Waits, not for long, until the other side knows why it was left: its connection may go then.
  func farewell(on machine: any Machine) async {
    // Also where whoever waits was cancelled: that is one of the reasons.
    let waiting = machine.spawn("a farewell") {
      try await machine.withDeadline(FileLimits.farewell) { try await closed() }
    }
    _ = await waiting.result
  }
}

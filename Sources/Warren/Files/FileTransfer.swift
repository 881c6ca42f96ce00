import WarrenCrypto
import WarrenMachine

/// A file or a folder on its way, in either direction.
///
/// ```swift
/// let transfer = try await exchange.send("film.mkv") { try await peer.connect(to: "bob") }
/// for await progress in transfer.progress { print(progress.bytes, "of", transfer.totalBytes) }
/// try await transfer.finished()
/// ```
public actor FileTransfer {
  /// The number under which both sides know a transfer, also after either has been started anew.
  public struct ID: Hashable, Sendable {
    /// How many bytes it has.
    public static let byteCount = 16
    let bytes: [UInt8]
  }

  /// Which way it goes.
  public enum Direction: Hashable, Sendable {
    case sending
    case receiving
  }

  /// How far it has come.
  public enum State: Hashable, Sendable {
    /// The other side has not said yet that it wants it, or has too much to do.
    case waiting
    /// Bytes move.
    case moving
    /// The connection is lost, or cannot be had; it is tried again.
    case interrupted
    /// Everything is there.
    case finished
    /// It has ended before.
    case failed(FileTransferError)

    var isEnd: Bool {
      switch self {
      case .finished, .failed: true
      case .waiting, .moving, .interrupted: false
      }
    }
  }

  /// How a transfer stands.
  public struct Progress: Hashable, Sendable {
    /// How many bytes lie on the receiver's disk, and are right.
    public var bytes: UInt64
    /// How many there will be.
    public var totalBytes: UInt64
    /// How many come in a second, of late.
    public var bytesPerSecond: Double
    /// How far it has come.
    public var state: State

    /// From 0 to 1.
    public var fraction: Double {
      totalBytes == 0 ? (state == .finished ? 1 : 0) : Double(bytes) / Double(totalBytes)
    }
  }

  /// Where it runs.
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  /// Its number.
  public nonisolated let id: ID
  /// Which way it goes.
  public nonisolated let direction: Direction
  /// With whom; nil where the other side has no key, or is not known yet.
  public nonisolated let peer: PeerID?
  /// What it is called.
  public nonisolated let name: String
  /// How many bytes its files have, and how many files there are.
  public nonisolated let totalBytes: UInt64
  public nonisolated let fileCount: Int
  /// What in a folder that is sent is neither a file nor a folder, such as links: it is left out.
  public nonisolated let skipped: [String]

  private var current: Progress
  private var meter: FileMeter
  private var path = ""
  /// Counts what was told: who looks at progress waits for the next.
  private var version = 0
  private var toldAt: Instant
  private var watchers: [Wait<Void>] = []
  private var cancelling: (@Sendable () -> Void)?

  init(
    _ id: ID, _ direction: Direction, _ name: String, _ manifest: FileManifest, with peer: PeerID? = nil,
    skipped: [String] = [], on machine: any Machine
  ) {
    (self.id, self.direction, self.name, self.peer, self.skipped) = (id, direction, name, peer, skipped)
    self.machine = machine
    totalBytes = manifest.totalBytes
    fileCount = manifest.files.count
    current = Progress(bytes: 0, totalBytes: manifest.totalBytes, bytesPerSecond: 0, state: .waiting)
    toldAt = machine.now
    meter = FileMeter(at: machine.now)
  }

  /// How it stands now.
  public var status: Progress { current }

  /// How it stands, again and again while that changes, to the end. Who looks seldom sees the newest.
  public nonisolated var progress: ProgressSequence { ProgressSequence(transfer: self) }

  /// Waits until it has ended.
  ///
  /// - Returns: where the file is: the one that was sent, or the one that was received.
  /// - Throws: a ``FileTransferError`` that says why it has not arrived.
  @discardableResult
  public func finished() async throws -> String {
    while true {
      switch current.state {
      case .finished: return path
      case .failed(let error): throw error
      case .waiting, .moving, .interrupted: _ = try await change(after: version, isEnd: true)
      }
    }
  }

  /// Ends it, on both sides. What has come of it is taken away.
  public func cancel() {
    guard !current.state.isEnd else { return }
    cancelling?()
  }

  // MARK: For its exchange, which runs where it does

  nonisolated func whenCancelled(_ body: @escaping @Sendable () -> Void) {
    assumeIsolated { $0.cancelling = body }
  }

  nonisolated func moved(to bytes: UInt64) { assumeIsolated { $0.move(to: bytes) } }

  nonisolated func become(_ state: State) { assumeIsolated { $0.change(to: state) } }

  nonisolated func finish(at path: String) {
    assumeIsolated {
      $0.path = path
      $0.change(to: .finished)
    }
  }

  private func move(to bytes: UInt64) {
    let now = machine.now
    meter.moved(to: bytes, at: now)
    (current.bytes, current.bytesPerSecond) = (bytes, meter.bytesPerSecond)
    if toldAt.duration(to: now) >= FileLimits.progressPause { tell() }
  }

  private func change(to state: State) {
    guard !current.state.isEnd, current.state != state else { return }
    current.state = state
    if state != .moving { current.bytesPerSecond = 0 }
    if state == .finished { current.bytes = totalBytes }
    if state == .moving { meter = FileMeter(at: machine.now, current.bytes) }
    if state.isEnd { cancelling = nil }
    tell()
  }

  private func tell() {
    version += 1
    toldAt = machine.now
    watchers.takeAll().endAll(.success(()))
  }

  /// How it stands once something was told after `seen`.
  fileprivate func change(after seen: Int, isEnd: Bool = false) async throws -> (Progress, Int) {
    while version == seen || isEnd && !current.state.isEnd {
      let name = name
      let known = version
      try await machine.suspend({ "\(quoted(name)) to move" }) { (wait: Wait<Void>) in
        if version != known { wait.succeed(()) } else { watchers.add(wait) }
      }
    }
    return (current, version)
  }
}

extension FileTransfer {
  /// How a transfer stands, as often as that changes: see ``progress``.
  public struct ProgressSequence: AsyncSequence, Sendable {
    public typealias Element = Progress

    let transfer: FileTransfer

    public func makeAsyncIterator() -> Iterator { Iterator(transfer: transfer) }

    /// Waits for each change.
    public struct Iterator: AsyncIteratorProtocol {
      let transfer: FileTransfer
      private var seen = -1
      private var hasEnded = false

      init(transfer: FileTransfer) { self.transfer = transfer }

      /// How it stands; nil after the end, or when the task is cancelled.
      public mutating func next() async -> Progress? {
        guard !hasEnded, let (progress, version) = try? await transfer.change(after: seen) else { return nil }
        (seen, hasEnded) = (version, progress.state.isEnd)
        return progress
      }
    }
  }
}

extension FileTransfer.ID: CustomStringConvertible {
  /// 32 hexadecimal digits.
  public var description: String { bytes.hexText }

  /// Reads what ``description`` has written; nil where it is something else.
  public init?(_ text: String) {
    let digits = Array(text.utf8)
    guard digits.count == 2 * Self.byteCount else { return nil }
    var bytes: [UInt8] = []
    for place in stride(from: 0, to: digits.count, by: 2) {
      let pair = String(decoding: digits[place..<place + 2], as: UTF8.self)
      guard pair.allSatisfy(\.isHexDigit), let byte = UInt8(pair, radix: 16) else { return nil }
      bytes.append(byte)
    }
    self.init(bytes: bytes)
  }
}

/// How fast something moves: the mean of the last seconds, in which the last one counts most.
struct FileMeter {
  private(set) var bytesPerSecond = 0.0
  private var since: Instant
  private var bytes: UInt64

  init(at now: Instant, _ bytes: UInt64 = 0) { (since, self.bytes) = (now, bytes) }

  mutating func moved(to bytes: UInt64, at now: Instant) {
    let nanoseconds = since.duration(to: now).wholeNanoseconds
    guard nanoseconds >= FileLimits.progressPause.wholeNanoseconds else { return }
    let seconds = Double(nanoseconds) / 1e9
    // What was verified anew, since a file was begun anew, is nothing that moved back.
    let rate = Double(bytes > self.bytes ? bytes - self.bytes : 0) / seconds
    let weight = bytesPerSecond == 0 ? 1 : 1 - 1 / (1 + seconds)
    bytesPerSecond += (rate - bytesPerSecond) * weight
    (since, self.bytes) = (now, bytes)
  }
}

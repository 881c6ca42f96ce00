/// The receiver's side of a transfer on one stream, without I/O: it is told what the other side says and what the disk has done, and
/// says what is to be done next. While a block is being written, the next may come.
struct FileReceivingCore {
  /// What is to be done next.
  enum Wish: Hashable {
    /// These bytes are to be sent.
    case send([UInt8])
    /// Is it wanted? → ``accept(at:digest:)``
    case offer(FileTransfer.ID, FileManifest)
    /// The file goes on there, and what stood behind is forgotten. → ``began()``
    case begin(FilePlace)
    /// These bytes come there. → ``wrote(digest:)``
    case write([UInt8], FilePlace)
    /// The file is there as a whole: it is to last, under its name. → ``completed()``
    case complete(file: Int)
    /// All files are there. → ``finished()``
    case finish
    /// The other side knows that everything is there.
    case end
  }

  private enum Phase: Hashable {
    case awaitingOffer
    case offered
    case awaitingBegin
    case beginning
    case receiving
    case writing(digest: [UInt8])
    case completing
    case finishing
    case finished
    case ended
  }

  private var phase = Phase.awaitingOffer
  private var wishes: [Wish] = []
  private var frames = FileFrameReader()
  /// The next word, or what is wrong with it: which has its turn like any other, so that nothing that was right before is lost.
  private var frame: Result<FileFrame, FileTransferError>?
  private(set) var manifest: FileManifest?
  /// Up to where everything is there and right.
  private(set) var place = FilePlace()
  /// How many bytes the files have that are before the one of `place`.
  private var bytesBefore: UInt64 = 0

  init() {}

  /// How many bytes are there and right.
  var verifiedBytes: UInt64 { bytesBefore + place.offset }

  /// How many bytes the word has that is on its way: an offer may be large.
  var expectedBytes: Int { frames.expectedBytes }

  /// Whether there is room for what comes next, and the other side would send it by now. Where it has to be told something first,
  /// waiting for it would be in vain.
  var wantsBytes: Bool {
    guard frame == nil, wishes.isEmpty else { return false }
    switch phase {
    case .awaitingOffer, .offered, .awaitingBegin, .receiving, .finished: return true
    case .writing: return rest > UInt64(FileLimits.blockBytes)
    case .beginning, .completing, .finishing, .ended: return false
    }
  }

  /// What the file lacks.
  private var rest: UInt64 { manifest!.size(ofFile: place.file) - place.offset }

  // MARK: What the other side says

  mutating func receive(_ bytes: [UInt8]) {
    frames.append(bytes)
    look()
  }

  /// The other side will say no more.
  mutating func receivedEnd() throws(FileTransferError) {
    guard phase == .finished, frame == nil else {
      throw FileTransferError(.interrupted, "the sender has stopped in the middle", isRemote: true)
    }
    phase = .ended
    wishes.append(.end)
  }

  private mutating func look() {
    do throws(FileTransferError) {
      frame = try frames.next().map { .success($0) }
    } catch {
      frame = .failure(error)
    }
  }

  /// What is to be done next.
  mutating func poll() throws(FileTransferError) -> Wish? {
    while true {
      if !wishes.isEmpty { return wishes.removeFirst() }
      guard let next = frame, isReady else { return nil }
      try take(next.get())
      look()
    }
  }

  /// Whether nothing that was asked for is still being done.
  private var isReady: Bool {
    switch phase {
    case .awaitingOffer, .offered, .awaitingBegin, .receiving, .finished, .ended: true
    case .beginning, .writing, .completing, .finishing: false
    }
  }

  private mutating func take(_ frame: FileFrame) throws(FileTransferError) {
    switch (frame, phase) {
    case (.failed(let error), _): throw error
    case (.offer(let id, let manifest), .awaitingOffer):
      self.manifest = manifest
      phase = .offered
      wishes.append(.offer(id, manifest))
    case (.begin(let start), .awaitingBegin):
      guard start.file == place.file, start.offset == place.offset || start.offset == 0 else {
        throw Self.nonsense
      }
      place = start
      phase = .beginning
      wishes.append(.begin(start))
    case (.block(let bytes, let digest), .receiving):
      guard UInt64(bytes.count) == min(rest, UInt64(FileLimits.blockBytes)) else { throw Self.nonsense }
      phase = .writing(digest: digest)
      wishes.append(.write(bytes, place))
    default: throw Self.nonsense
    }
  }

  // MARK: What was done

  /// It is wanted, and there up to this place, with this hash of the file there.
  mutating func accept(at start: FilePlace, digest: [UInt8]) {
    precondition(phase == .offered, "nothing is offered")
    place = start
    bytesBefore = (0..<start.file).reduce(0) { $0 + manifest!.size(ofFile: $1) }
    wishes.append(.send(FileFrame.accepted(start, digest: digest).encoded))
    awaitNext()
  }

  /// The file is ready for what comes.
  mutating func began() {
    precondition(phase == .beginning)
    awaitBytes()
  }

  /// It is written, and this is the hash of the file up to there.
  mutating func wrote(digest: [UInt8]) throws(FileTransferError) {
    guard case .writing(let theirs) = phase else { preconditionFailure("nothing is being written") }
    guard digest == theirs else {
      throw FileTransferError(
        .corrupt, "what has arrived is not what was sent: a memory or a disk fails on either side")
    }
    place.offset += min(rest, UInt64(FileLimits.blockBytes))
    wishes.append(.send(FileFrame.verified(place).encoded))
    awaitBytes()
  }

  /// The file is there for good.
  mutating func completed() {
    precondition(phase == .completing)
    wishes.append(.send(FileFrame.completed(file: place.file).encoded))
    bytesBefore += manifest!.size(ofFile: place.file)
    place = FilePlace(file: place.file + 1)
    awaitNext()
  }

  /// Everything is there, under its name.
  mutating func finished() {
    precondition(phase == .finishing)
    phase = .finished
    wishes.append(.send(FileFrame.finished.encoded))
  }

  private mutating func awaitBytes() {
    phase = .receiving
    if rest == 0 {
      phase = .completing
      wishes.append(.complete(file: place.file))
    }
  }

  private mutating func awaitNext() {
    phase = .awaitingBegin
    if place.file == manifest!.files.count {
      phase = .finishing
      wishes.append(.finish)
    }
  }

  private static let nonsense = FileTransferError(.badMessage, "the sender says what makes no sense now")
}

/// The sender's side of a transfer on one stream, without I/O: it is told what the other side says and what the disk gives, and says
/// what is to be done next.
///
/// ```
///   offer ──accepted──► (compare what is there already) ──► begin, block, block, … for each file ──all finished──► end
/// ```
struct FileSendingCore {
  /// What is to be done next.
  enum Wish: Hashable {
    /// These bytes are to be sent.
    case send([UInt8])
    /// These bytes are to be sent, and those behind them.
    case sendBlock(head: [UInt8], [UInt8])
    /// What is the hash of a file up to there? → ``checked(_:)``
    case check(FilePlace)
    /// So many bytes are to be read there. → ``read(_:digest:)``
    case read(FilePlace, count: Int)
    /// Everything is there: nothing more is to be said.
    case end
  }

  private enum Phase: Hashable {
    case offering
    case offered
    case comparing(digest: [UInt8])
    case beginning
    case reading
    case sending([UInt8], digest: [UInt8])
    /// Something was asked for, and is not there yet.
    case asked(Asked)
    case awaitingEnd
    case ended
  }

  private enum Asked: Hashable {
    case digest([UInt8])
    case bytes(Int)
  }

  let id: FileTransfer.ID
  let manifest: FileManifest
  private var phase = Phase.offering
  private var frames = FileFrameReader()
  /// Where the next bytes are from.
  private(set) var place = FilePlace()
  /// Up to where the other side has everything.
  private(set) var verified = FilePlace()
  /// Whether the other side wants it.
  private(set) var isAccepted = false
  /// How many bytes the files have that are before the one of `verified`.
  private var bytesBefore: UInt64 = 0

  init(id: FileTransfer.ID, _ manifest: FileManifest) { (self.id, self.manifest) = (id, manifest) }

  /// How many bytes the other side has, as far as it has said.
  var verifiedBytes: UInt64 { bytesBefore + verified.offset }

  /// Whether everything is there.
  var isEnded: Bool { phase == .ended }

  /// Whether ``poll()`` would say something.
  var hasWish: Bool {
    switch phase {
    case .offered, .asked, .awaitingEnd: false
    case .offering, .comparing, .beginning, .reading, .sending, .ended: true
    }
  }

  // MARK: What the other side says

  mutating func receive(_ bytes: [UInt8]) throws(FileTransferError) {
    frames.append(bytes)
    while let frame = try frames.next() { try take(frame) }
  }

  private mutating func take(_ frame: FileFrame) throws(FileTransferError) {
    switch frame {
    case .failed(let error): throw error
    case .accepted(let start, let digest): try accepted(start, digest)
    case .verified(let end):
      let isSent =
        end.file == verified.file && end.file < manifest.files.count
        && end.offset <= manifest.size(ofFile: end.file) && end <= place
      guard isAccepted, isSent, end >= verified else { throw Self.nonsense }
      verified = end
    case .completed(let file):
      let isSent = file < place.file || phase == .awaitingEnd
      guard isAccepted, file == verified.file, file < manifest.files.count, isSent else {
        throw Self.nonsense
      }
      pass()
    case .finished:
      guard phase == .awaitingEnd, verified.file == manifest.files.count else { throw Self.nonsense }
      phase = .ended
    case .offer, .begin, .block: throw Self.nonsense
    }
  }

  private mutating func accepted(_ start: FilePlace, _ digest: [UInt8]) throws(FileTransferError) {
    guard phase == .offered, start.file <= manifest.files.count else { throw Self.nonsense }
    isAccepted = true
    while verified.file < start.file { pass() }
    place = FilePlace(file: start.file)
    if start.file == manifest.files.count {
      guard start.offset == 0 else { throw Self.nonsense }
      phase = .awaitingEnd
    } else if start.offset > 0 {
      let size = manifest.size(ofFile: start.file)
      let isBoundary = start.offset % UInt64(FileLimits.blockBytes) == 0 || start.offset == size
      guard start.offset <= size, isBoundary else { throw Self.nonsense }
      place = start
      phase = .comparing(digest: digest)
    } else {
      phase = .beginning
    }
  }

  /// The file that is verified next is the next one.
  private mutating func pass() {
    bytesBefore += manifest.size(ofFile: verified.file)
    verified = FilePlace(file: verified.file + 1)
  }

  // MARK: What is done

  mutating func poll() -> Wish? {
    switch phase {
    case .offering:
      phase = .offered
      return .send(FileFrame.offer(id, manifest).encoded)
    case .comparing(let digest):
      phase = .asked(.digest(digest))
      return .check(place)
    case .beginning:
      defer { goOn() }
      return .send(FileFrame.begin(place).encoded)
    case .reading:
      let rest = manifest.size(ofFile: place.file) - place.offset
      let count = Int(min(UInt64(FileLimits.blockBytes), rest))
      phase = .asked(.bytes(count))
      return .read(place, count: count)
    case .sending(let bytes, let digest):
      defer { goOn() }
      return .sendBlock(head: FileFrame.blockHead(bytes.count, digest: digest), bytes)
    case .ended: return .end
    case .offered, .asked, .awaitingEnd: return nil
    }
  }

  /// After something was sent: the rest of the file, the next one, or nothing more.
  private mutating func goOn() {
    if place.offset < manifest.size(ofFile: place.file) {
      phase = .reading
    } else {
      place = FilePlace(file: place.file + 1)
      phase = place.file < manifest.files.count ? .beginning : .awaitingEnd
    }
  }

  /// This is the hash of what the other side has already, as it is here. Where it differs the file begins anew.
  mutating func checked(_ digest: [UInt8]) {
    guard case .asked(.digest(let theirs)) = phase else { preconditionFailure("nobody has asked for a hash") }
    if digest == theirs { verified = place } else { place.offset = 0 }
    phase = .beginning
  }

  /// These are the bytes that were asked for, and the hash of the file up to their end.
  mutating func read(_ bytes: [UInt8], digest: [UInt8]) {
    guard case .asked(.bytes(bytes.count)) = phase else {
      preconditionFailure("nobody has asked for these bytes")
    }
    place.offset += UInt64(bytes.count)
    phase = .sending(bytes, digest: digest)
  }

  private static let nonsense = FileTransferError(.badMessage, "the receiver says what makes no sense now")
}

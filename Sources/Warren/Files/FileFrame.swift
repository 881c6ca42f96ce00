import WarrenMachine

/// One of the words that two sides of a transfer say to each other on its stream: a kind, a length, and what it says.
enum FileFrame: Hashable, Sendable {
  /// The sender: this is what there is, under this number.
  case offer(FileTransfer.ID, FileManifest)
  /// The receiver: it is wanted; of it there are these files, and of the next so many bytes, of which this is the hash.
  case accepted(FilePlace, digest: [UInt8])
  /// The sender: what follows belongs there.
  case begin(FilePlace)
  /// The sender: the next bytes, and the hash of the whole file up to their end.
  case block([UInt8], digest: [UInt8])
  /// The receiver: it is there up to here, and right.
  case verified(FilePlace)
  /// The receiver: this file is there as a whole, and will stay.
  case completed(file: Int)
  /// The receiver: everything is there under its name.
  case finished
  /// Either: it ends here.
  case failed(FileTransferError)
}

/// A place in what is sent: a file, by its number among files, and an offset in it. Files are sent one after the other, so it tells
/// all that was before.
struct FilePlace: Hashable, Sendable, Comparable {
  var file = 0
  var offset: UInt64 = 0

  static func < (left: FilePlace, right: FilePlace) -> Bool {
    left.file == right.file ? left.offset < right.offset : left.file < right.file
  }
}

extension FileFrame {
  static let digestBytes = 32
  static let headBytes = 5
  /// What stands before the list in an offer.
  private static let idBytes = FileTransfer.ID.byteCount

  enum Kind: UInt8 {
    case offer = 1
    case begin, block, failed
    case accepted = 16
    case verified, completed, finished

    /// How many bytes it may have.
    var limit: Int {
      switch self {
      case .offer: FileLimits.manifestBytes
      case .block: FileLimits.blockBytes + FileFrame.digestBytes
      default: FileLimits.wordBytes
      }
    }
  }

  var encoded: [UInt8] {
    switch self {
    case .offer(let id, let manifest): Self.frame(.offer, id.bytes, manifest.encoded)
    case .accepted(let place, let digest): Self.frame(.accepted, Self.bytes(place), digest)
    case .begin(let place): Self.frame(.begin, Self.bytes(place))
    case .block(let bytes, let digest): Self.blockHead(bytes.count, digest: digest) + bytes
    case .verified(let place): Self.frame(.verified, Self.bytes(place))
    case .completed(let file): Self.frame(.completed, Self.bytes(FilePlace(file: file)))
    case .finished: Self.frame(.finished)
    case .failed(let error): Self.frame(.failed, Self.bytes(error))
    }
  }

  /// What stands before the bytes of a block: they need not be copied to be sent.
  static func blockHead(_ count: Int, digest: [UInt8]) -> [UInt8] {
    var bytes = [Kind.block.rawValue]
    bytes.append(number: UInt32(digestBytes + count))
    return bytes + digest
  }

  private static func frame(_ kind: Kind, _ first: [UInt8] = [], _ second: [UInt8] = []) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(headBytes + first.count + second.count)
    bytes.append(kind.rawValue)
    bytes.append(number: UInt32(first.count + second.count))
    bytes += first
    bytes += second
    return bytes
  }

  private static func bytes(_ place: FilePlace) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(number: UInt32(place.file))
    bytes.append(number: place.offset)
    return bytes
  }

  private static func bytes(_ error: FileTransferError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(number: error.code.rawValue)
    bytes.append(text: String(decoding: error.reason.utf8.prefix(FileLimits.reasonBytes), as: UTF8.self))
    return bytes
  }

  /// Reads what a frame of this kind says.
  init(_ kind: Kind, _ body: [UInt8]) throws(FileTransferError) {
    var input = WireReader(body.span.bytes)
    switch kind {
    case .offer:
      let id = FileTransfer.ID(bytes: input.take(count: Self.idBytes))
      self = .offer(id, try FileManifest(&input))
    case .accepted:
      let place = Self.place(&input)
      self = .accepted(place, digest: input.take(count: Self.digestBytes))
    case .begin: self = .begin(Self.place(&input))
    case .verified: self = .verified(Self.place(&input))
    case .completed: self = .completed(file: Self.place(&input).file)
    case .finished: self = .finished
    case .failed:
      let code = FileTransferError.Code(rawValue: input.take(UInt16.self)) ?? .interrupted
      let reason = input.takeText(atMost: FileLimits.wordBytes)
      self = .failed(
        FileTransferError(code, reason.isEmpty ? "it gives no reason" : reason.undisturbing, isRemote: true))
    case .block: throw Self.malformed
    }
    guard input.isAtEnd else { throw Self.malformed }
  }

  private static func place(_ input: inout WireReader) -> FilePlace {
    FilePlace(file: Int(input.take(UInt32.self)), offset: input.take(UInt64.self))
  }

  static let malformed = FileTransferError(.badMessage, "the other side says what is no word")
}

/// Finds words in the bytes of a stream, however they are cut.
struct FileFrameReader {
  private var input: [UInt8] = []
  private var place = 0
  private var head: [UInt8] = []
  private var kind: FileFrame.Kind?
  private var size = 0
  /// Of a block, the hash, which stands before the bytes: so these are gathered where they stay.
  private var digest: [UInt8] = []
  private var body: [UInt8] = []

  /// How many bytes the word has that is on its way.
  var expectedBytes: Int { kind == nil ? 0 : size }

  /// Takes what has come; what came before has been found.
  mutating func append(_ bytes: [UInt8]) {
    precondition(place == input.count, "the last bytes have not been looked through")
    (input, place) = (bytes, 0)
  }

  /// The next word, as soon as all of it has come.
  mutating func next() throws(FileTransferError) -> FileFrame? {
    if kind == nil {
      head += take(atMost: FileFrame.headBytes - head.count)
      guard head.count == FileFrame.headBytes else { return nil }
      guard let found = FileFrame.Kind(rawValue: head[0]) else {
        throw FileTransferError(.badMessage, "the other side says a word that is not known")
      }
      size = Int(head.span.bytes.number(at: 1, as: UInt32.self))
      guard size <= found.limit else {
        throw FileTransferError(
          found == .offer ? .tooLarge : .badMessage, "a word has \(found.limit) bytes at most, not \(size)")
      }
      guard found != .block || size > FileFrame.digestBytes else { throw FileFrame.malformed }
      kind = found
      if found == .block { body.reserveCapacity(size - FileFrame.digestBytes) }
    }
    if kind == .block { digest += take(atMost: FileFrame.digestBytes - digest.count) }
    body += take(atMost: size - digest.count - body.count)
    guard let found = kind, digest.count + body.count == size else { return nil }
    defer {
      (kind, digest, body) = (nil, [], [])
      head.removeAll(keepingCapacity: true)
    }
    return found == .block ? .block(body, digest: digest) : try FileFrame(found, body)
  }

  private mutating func take(atMost count: Int) -> ArraySlice<UInt8> {
    let end = min(input.count, place + count)
    defer { place = end }
    return input[place..<end]
  }
}

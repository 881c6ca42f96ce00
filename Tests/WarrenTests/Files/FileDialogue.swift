import TestSupport

@testable import Warren

/// Both sides' cores, and disks in memory: what they say to each other is cut as it comes.
struct FileDialogue {
  /// What goes on after something went wrong on the way.
  enum Outcome: Hashable {
    case finished
    case failed(FileTransferError)
    /// Neither has anything to do, and it is not over.
    case stuck
  }

  let manifest: FileManifest
  let contents: [[UInt8]]
  var received: [[UInt8]]
  /// What has its name.
  var completed: [Int] = []
  var isFinished = false
  /// What is there of an earlier stream.
  var start = FilePlace()
  /// How many bytes of the sender's arrive before the stream breaks.
  var breaksAfter = Int.max
  /// Changes what the sender reads.
  var tamper: (FilePlace, [UInt8]) -> [UInt8] = { $1 }
  var random: SeededRandom

  init(_ sizes: [Int], seed: UInt64 = 1) {
    var random = SeededRandom(seed)
    var entries = [FileManifest.Entry(name: "root", kind: .folder)]
    contents = sizes.map { random.manyBytes($0) }
    self.random = random
    for (number, size) in sizes.enumerated() {
      entries.append(
        FileManifest.Entry(name: "\(number)", parent: 0, kind: .file(size: UInt64(size), isExecutable: false))
      )
    }
    guard let manifest = try? FileManifest(entries) else { preconditionFailure("these are no files") }
    self.manifest = manifest
    received = sizes.map { _ in [] }
  }

  static let id = FileTransfer.ID(bytes: [UInt8](repeating: 7, count: 16))

  private func hash(_ bytes: some Collection<UInt8>) -> [UInt8] { HashFunction.sha256.hash(Array(bytes)) }

  /// Lets both talk over a stream until nothing more happens.
  mutating func run() -> Outcome {
    var sender = FileSendingCore(id: Self.id, manifest)
    var receiver = FileReceivingCore()
    var (toReceiver, toSender): ([UInt8], [UInt8]) = ([], [])
    var delivered = 0
    do throws(FileTransferError) {
      while true {
        var hasMoved = false
        while let wish = sender.poll() {
          hasMoved = true
          switch wish {
          case .send(let bytes): toReceiver += bytes
          case .sendBlock(let head, let bytes): toReceiver += head + bytes
          case .check(let place): sender.checked(hash(contents[place.file].prefix(Int(place.offset))))
          case .read(let place, let count):
            let end = Int(place.offset) + count
            let bytes = tamper(place, Array(contents[place.file][Int(place.offset)..<end]))
            sender.read(bytes, digest: hash(contents[place.file][..<end]))
          case .end:
            try receiver.receivedEnd()
            guard case .end = try receiver.poll() else { return .stuck }
            return .finished
          }
        }
        if receiver.wantsBytes, !toReceiver.isEmpty {
          let count = min(
            toReceiver.count, Int.random(in: 1...300_000, using: &random), breaksAfter - delivered)
          if count == 0 { return .stuck }
          delivered += count
          receiver.receive(Array(toReceiver.prefix(count)))
          toReceiver.removeFirst(count)
          hasMoved = true
        }
        hasMoved = try perform(&receiver, &toSender) || hasMoved
        if !toSender.isEmpty {
          let count = Int.random(in: 1...toSender.count, using: &random)
          try sender.receive(Array(toSender.prefix(count)))
          toSender.removeFirst(count)
          hasMoved = true
        }
        if !hasMoved { return .stuck }
      }
    } catch {
      return .failed(error)
    }
  }

  private mutating func perform(
    _ receiver: inout FileReceivingCore, _ toSender: inout [UInt8]
  ) throws(FileTransferError) -> Bool {
    var hasMoved = false
    while let wish = try receiver.poll() {
      hasMoved = true
      switch wish {
      case .send(let bytes): toSender += bytes
      case .offer(let id, let offered):
        precondition(id == Self.id && offered == manifest)
        let digest = start.file < received.count ? hash(received[start.file].prefix(Int(start.offset))) : []
        receiver.accept(at: start, digest: digest + [UInt8](repeating: 0, count: 32 - digest.count))
      case .begin(let place):
        received[place.file].removeLast(received[place.file].count - Int(place.offset))
        receiver.began()
      case .write(let bytes, let place):
        precondition(received[place.file].count == Int(place.offset))
        received[place.file] += bytes
        try receiver.wrote(digest: hash(received[place.file]))
        start = receiver.place
      case .complete(let file):
        completed.append(file)
        receiver.completed()
        start = receiver.place
      case .finish:
        isFinished = true
        receiver.finished()
      case .end: break
      }
    }
    return hasMoved
  }
}

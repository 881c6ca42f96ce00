import TestSupport
import Testing

@testable import Warren

@Suite("A transfer without network or disk")
struct FileCoreTests {
  private static let block = FileLimits.blockBytes

  @Test("everything arrives, however the words are cut", arguments: 1...8)
  func arrives(seed: UInt64) {
    var dialogue = FileDialogue([0, 1, Self.block, 3 * Self.block + 5, 0, 17, Self.block - 1], seed: seed)
    #expect(dialogue.run() == .finished)
    #expect(dialogue.received == dialogue.contents)
    #expect(dialogue.completed == Array(0..<7) && dialogue.isFinished)
  }

  @Test("nothing but empty folders is a transfer, too")
  func empty() {
    var dialogue = FileDialogue([])
    #expect(dialogue.run() == .finished && dialogue.isFinished)
  }

  @Test(
    "a stream that breaks anywhere is gone on from behind the last block that was right", arguments: 1...15)
  func breaks(seed: UInt64) {
    var random = SeededRandom(seed)
    var dialogue = FileDialogue([5, 4 * Self.block + 5, 0, 2 * Self.block], seed: seed)
    var streams = 0
    var outcome = FileDialogue.Outcome.stuck
    while outcome == .stuck, streams < 100 {
      let before = dialogue.start
      dialogue.breaksAfter = Int.random(in: 1...1_200_000, using: &random)
      outcome = dialogue.run()
      streams += 1
      // Nothing that was right is lost.
      #expect(dialogue.start >= before)
    }
    #expect(outcome == .finished && streams > 1)
    #expect(dialogue.received == dialogue.contents && dialogue.completed == [0, 1, 2, 3])
  }

  @Test("a file begins anew where what is there is something else")
  func differs() {
    var dialogue = FileDialogue([5, 3 * Self.block])
    dialogue.start = FilePlace(file: 1, offset: UInt64(2 * Self.block))
    dialogue.received = [dialogue.contents[0], [UInt8](repeating: 7, count: 2 * Self.block)]
    #expect(dialogue.run() == .finished)
    #expect(dialogue.received == dialogue.contents && dialogue.completed == [1])
  }

  @Test("a file that is there as a whole is not sent again")
  func whole() {
    var dialogue = FileDialogue([Self.block + 1])
    dialogue.start = FilePlace(file: 0, offset: UInt64(Self.block + 1))
    dialogue.received = dialogue.contents
    dialogue.tamper = { _, _ in preconditionFailure("it is read") }
    #expect(dialogue.run() == .finished && dialogue.completed == [0])
  }

  @Test("bytes that are not what was hashed end it before they count")
  func corrupt() {
    var dialogue = FileDialogue([3 * Self.block])
    dialogue.tamper = { place, bytes in
      place.offset == 0 ? bytes : [bytes[0] ^ 1] + bytes.dropFirst()
    }
    guard case .failed(let error) = dialogue.run() else { return #expect(Bool(false), "nobody has noticed") }
    #expect(error.code == .corrupt && !error.isRemote)
    #expect(dialogue.start == FilePlace(file: 0, offset: UInt64(Self.block)) && dialogue.completed == [])
  }

  // MARK: What the other side should not say

  private func receiver(_ sizes: [Int]) throws -> FileReceivingCore {
    var core = FileReceivingCore()
    core.receive(FileFrame.offer(FileDialogue.id, FileDialogue(sizes).manifest).encoded)
    guard case .offer = try core.poll() else { throw FileTransferError(.disk, "no offer") }
    core.accept(at: FilePlace(), digest: [UInt8](repeating: 0, count: 32))
    guard case .send = try core.poll() else { throw FileTransferError(.disk, "no answer") }
    return core
  }

  @Test("what a sender should not say ends it")
  func badSender() throws {
    let digest = [UInt8](repeating: 0, count: 32)
    let block = [UInt8](repeating: 1, count: Self.block)
    let begin = FileFrame.begin(FilePlace())
    let cases: [[FileFrame]] = [
      [.block(block, digest: digest)], [.begin(FilePlace(file: 1))], [.begin(FilePlace(file: 0, offset: 1))],
      [.begin(FilePlace(file: 9))], [.begin(FilePlace(file: 0, offset: .max))], [begin, begin],
      [begin, .block([1], digest: digest)], [begin, .finished], [.accepted(FilePlace(), digest: digest)],
      [.completed(file: 0)], [.verified(FilePlace())],
      [.offer(FileDialogue.id, FileDialogue([1]).manifest)],
      [begin, .block(block + block.dropLast(), digest: digest)],
    ]
    for frames in cases {
      var core = try receiver([Self.block + 1, 1])
      #expect(throws: FileTransferError.self, "\(frames.count) words") {
        for frame in frames {
          core.receive(frame.encoded)
          while let wish = try core.poll() { if case .begin = wish { core.began() } }
        }
      }
    }
  }

  @Test("what a receiver should not say ends it")
  func badReceiver() throws {
    let digest = [UInt8](repeating: 0, count: 32)
    let accepted = FileFrame.accepted(FilePlace(), digest: digest)
    func from(_ file: Int, _ offset: UInt64) -> FileFrame {
      .accepted(FilePlace(file: file, offset: offset), digest: digest)
    }
    let cases: [[FileFrame]] = [
      [from(3, 0)], [from(2, 1)], [from(0, 1)], [from(0, .max)], [from(0, 1 << 63)],
      [from(1, 2)], [from(0, UInt64(2 * Self.block))], [accepted, accepted], [.finished],
      [accepted, .finished],
      [.verified(FilePlace())], [accepted, .verified(FilePlace(file: 0, offset: 1))],
      [accepted, .verified(FilePlace(file: 1))], [accepted, .completed(file: 0)],
      [accepted, .completed(file: 1)],
      [.completed(file: 0)], [.begin(FilePlace())], [.block([1], digest: digest)],
      [.offer(FileDialogue.id, FileDialogue([1]).manifest)], [from(2, 0), .completed(file: 2)],
    ]
    for (number, frames) in cases.enumerated() {
      var core = FileSendingCore(id: FileDialogue.id, FileDialogue([Self.block + 1, 1]).manifest)
      _ = core.poll()
      #expect(throws: FileTransferError.self, "case \(number)") {
        for frame in frames { try core.receive(frame.encoded) }
      }
    }
  }

  @Test("words are refused that are too long, unknown, or no words, before they take room")
  func malformed() throws {
    func head(_ kind: UInt8, _ size: UInt32) -> [UInt8] {
      var bytes = [kind]
      bytes.append(number: size)
      return bytes
    }
    let manifest = FileDialogue([1]).manifest
    let cases: [[UInt8]] = [
      head(0, 0), head(255, 0), head(1, UInt32(FileLimits.manifestBytes + 1)), head(1, .max), head(3, .max),
      head(3, UInt32(FileLimits.blockBytes + 33)), head(3, 32) + [UInt8](repeating: 0, count: 32), head(3, 0),
      head(2, 0),
      head(2, 13) + [UInt8](repeating: 0, count: 13), head(2, .max), head(18, 4096), head(1, 0), head(4, 0),
      head(19, 1) + [0], FileFrame.offer(FileDialogue.id, manifest).encoded.dropLast() + [],
      head(1, 20) + [UInt8](repeating: 255, count: 20),
    ]
    for (number, bytes) in cases.enumerated() {
      var core = FileReceivingCore()
      #expect(throws: FileTransferError.self, "case \(number)") {
        core.receive(bytes)
        if try core.poll() == nil, !core.wantsBytes || number == 15 {
          throw FileTransferError(.badMessage, "waits")
        }
        if number != 15 { Issue.record("case \(number) is taken") }
      }
    }
  }

  @Test("lists of files that are no tree, or too much, are refused")
  func manifests() throws {
    func folder(_ name: String, _ parent: Int = 0) -> FileManifest.Entry {
      FileManifest.Entry(name: name, parent: parent, kind: .folder)
    }
    func file(_ size: UInt64, _ parent: Int = 0) -> FileManifest.Entry {
      FileManifest.Entry(name: "f", parent: parent, kind: .file(size: size, isExecutable: true))
    }
    let deep = (0...FileLimits.depth + 1).map { folder("d", max(0, $0 - 1)) }
    let wrong: [[FileManifest.Entry]] = [
      [], [file(1), file(1)], [folder("a"), folder("b", 1)], [folder("a"), file(1, 7)], [file(1 << 63)],
      [file(.max)],
      [folder("a"), file(1 << 62), file(1 << 62)], [folder("a"), file(1), file(1, 1)], deep,
      [folder("a")] + [FileManifest.Entry](repeating: folder("b"), count: FileLimits.entries),
    ]
    for entries in wrong { #expect(throws: FileTransferError.self) { _ = try FileManifest(entries) } }
    let right = try FileManifest([
      folder("a"), file(UInt64(Int64.max) - 1), folder("ü", 0), file(1, 2), file(0, 2),
    ])
    #expect(right.totalBytes == UInt64(Int64.max) && right.files == [1, 3, 4])
    let bytes = right.encoded
    var input = WireReader(bytes.span.bytes)
    let read = try FileManifest(&input)
    #expect(read == right && input.isAtEnd)
    let deepest = try FileManifest(Array(deep.dropLast()))
    #expect(deepest.entries.count == FileLimits.depth + 1)
  }

  @Test("every word is read as it was written, however it is cut")
  func frames() throws {
    let digest = (0..<32).map { UInt8($0) }
    let frames: [FileFrame] = [
      .offer(FileDialogue.id, FileDialogue([1, 2, 3]).manifest),
      .accepted(FilePlace(file: 3, offset: 1 << 62), digest: digest),
      .begin(FilePlace(file: 0xFFFF_FFFF, offset: .max)), .block([1], digest: digest),
      .block([UInt8](repeating: 5, count: Self.block), digest: digest),
      .verified(FilePlace(file: 1, offset: 2)),
      .completed(file: 7), .finished,
      .failed(FileTransferError(.diskFull, "the disk is full", isRemote: true)),
    ]
    let bytes = frames.flatMap(\.encoded)
    var random = SeededRandom(3)
    for _ in 0..<20 {
      var reader = FileFrameReader()
      var (found, rest): ([FileFrame], ArraySlice<UInt8>) = ([], bytes[...])
      while !rest.isEmpty {
        let count = Int.random(in: 1...min(rest.count, 100_000), using: &random)
        reader.append(Array(rest.prefix(count)))
        rest = rest.dropFirst(count)
        while let frame = try reader.next() { found.append(frame) }
      }
      #expect(found == frames)
    }
  }

  @Test("an error keeps its code, and what disturbs a terminal is taken out of its reason")
  func errors() throws {
    for code in FileTransferError.Code.allCases {
      var reader = FileFrameReader()
      reader.append(
        FileFrame.failed(FileTransferError(code, String(repeating: "ä\u{1B}", count: 1000))).encoded)
      guard case .failed(let error) = try reader.next() else { return #expect(Bool(false)) }
      #expect(error.code == code && error.isRemote && error.reason.utf8.count <= FileLimits.wordBytes)
      #expect(!error.reason.unicodeScalars.contains("\u{1B}"))
      let told = FileTransferError(streamCode: FileTransferError(code, "").streamCode)
      #expect(told.code == (code == .closed ? .interrupted : code) && told.isRemote)
    }
    #expect(FileTransferError(streamCode: 0).code == .interrupted)
    #expect(FileTransferError(streamCode: .max).code == .interrupted)
  }

  @Test("a note is read as it was written, and nothing else is")
  func notes() throws {
    var random = SeededRandom(4)
    let key = PrivateKey(using: &random).peerID
    for peer in [key, nil] {
      var note = FileNote(
        peer: peer, manifest: random.bytes(32), folder: peer == nil ? nil : "/a/b", part: "ü.part", name: "ü")
      #expect(FileNote(note.encoded) == note)
      var bytes = note.encoded
      bytes[Int(FileNote.completeOffset)] = FileNote.complete[0]
      note.isComplete = true
      #expect(FileNote(bytes) == note)
      for count in 0..<bytes.count { #expect(FileNote(Array(bytes.prefix(count))) == nil) }
      #expect(FileNote(bytes + [0]) == nil)
    }
    let id = FileTransfer.ID(bytes: random.bytes(16))
    #expect(FileTransfer.ID(id.description) == id)
    for text in ["", "0", String(repeating: "g", count: 32), String(repeating: "+1", count: 16)] {
      #expect(FileTransfer.ID(text) == nil)
    }
  }
}

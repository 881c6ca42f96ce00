import TestSupport
import Testing
import WarrenSimulator

@testable import Warren

@Suite("Somebody hostile who sends files")
struct HostileFileTests {
  private static let id = FileTransfer.ID(bytes: [UInt8](repeating: 5, count: 16))

  private func file(_ name: String, _ size: UInt64 = 0, in parent: Int = 0) -> FileManifest.Entry {
    FileManifest.Entry(name: name, parent: parent, kind: .file(size: size, isExecutable: false))
  }

  private func offer(_ entries: [FileManifest.Entry], _ id: FileTransfer.ID = id) throws -> [UInt8] {
    FileFrame.offer(id, try FileManifest(entries)).encoded
  }

  /// Opens a stream of alice's by hand, and says this.
  private func say(_ bytes: [UInt8], _ scene: FileScene) async throws -> Connection.Stream {
    let stream = try await scene.connect().openStream()
    // Who is refused may not get to say all of it.
    try? await stream.write(FileExchange.streamMark + bytes)
    return stream
  }

  /// What bob says on a stream, until he has said enough or its end.
  private func answers(_ stream: Connection.Stream, _ count: Int = .max) async -> [FileFrame] {
    var reader = FileFrameReader()
    var frames: [FileFrame] = []
    while frames.count < count, let bytes = try? await stream.read() {
      reader.append(bytes)
      while let frame = try? reader.next() { frames.append(frame) }
    }
    return frames
  }

  @Test(
    "a name leads nowhere else", arguments: TwoMachines.allCases,
    [
      "../../etc/passwd", "/etc/passwd", "a\0b", "a\nb", "..", ".", "", "\u{202E}x", "a\\b", ".warren-00",
      "a.part",
    ])
  func names(world: TwoMachines, name: String) async throws {
    try await FileScene.run(world) { scene in
      scene.target.makeFolder("inner")
      let manifest = try FileManifest([
        FileManifest.Entry(name: name, kind: .folder), file(name), file(name, 0, in: 0),
        FileManifest.Entry(name: name, parent: 0, kind: .folder), file(name, 0, in: 3),
      ])
      let stream = try await say(FileFrame.offer(Self.id, manifest).encoded, scene)
      for number in 0..<3 { try await stream.write(FileFrame.begin(FilePlace(file: number)).encoded) }
      #expect(await answers(stream, 5).last == .finished)
      try await stream.finish()
      try await scene.rest()
      let made = SafeName.names(of: manifest)
      let (root, folder) = (made[0], made[3])
      #expect(!made.contains { $0.contains("/") || $0 == ".." || $0 == "." || $0.isEmpty })
      #expect(
        Set(scene.target.tree()) == [
          "inner/", "\(root)/", "\(root)/\(made[1])", "\(root)/\(made[2])", "\(root)/\(folder)/",
          "\(root)/\(folder)/\(made[4])",
        ])
    }
  }

  @Test("sizes that no disk has are refused before anything is made", arguments: TwoMachines.allCases)
  func sizes(world: TwoMachines) async throws {
    try await FileScene.run(world) { scene in
      for size in [UInt64(1) << 63, .max, UInt64(1) << 62, (1 << 40) + 1] {
        // What `FileManifest` would not let out.
        var bytes = Self.id.bytes
        bytes.append(number: UInt32(1))
        bytes.append(1)
        bytes.append(number: UInt32(0))
        bytes.append(number: size)
        bytes.append(text: "a")
        var frame: [UInt8] = [1]
        frame.append(number: UInt32(bytes.count))
        guard case .failed(let error) = await answers(try await say(frame + bytes, scene)).first else {
          Issue.record("\(size) bytes are taken")
          continue
        }
        #expect(error.code == .tooLarge)
      }
      try await scene.rest()
      #expect(scene.target.tree() == [])
    }
  }

  @Test("whatever makes no sense ends the stream, with a word of why")
  func nonsense() async throws {
    try await FileScene.simulate { scene, _ in
      var random = SeededRandom(2)
      let offered = try offer([file("a", 10)])
      let block = FileFrame.block([1, 2, 3], digest: [UInt8](repeating: 0, count: 32)).encoded
      let begin = FileFrame.begin(FilePlace()).encoded
      let cases: [[UInt8]] = [
        [0, 0, 0, 0, 0], random.bytes(100), begin, block, offered + offered, offered + block,
        offered + begin + block, FileFrame.finished.encoded, [1, 255, 255, 255, 255],
        [3, 255, 255, 255, 255],
        offered + FileFrame.begin(FilePlace(file: 7)).encoded,
        offered + FileFrame.begin(FilePlace(offset: 5)).encoded,
      ]
      for (number, bytes) in cases.enumerated() {
        let last = await answers(try await say(bytes, scene)).last
        guard case .failed(let error) = last, error.isRemote, !error.reason.isEmpty else {
          Issue.record("case \(number): \(String(describing: last))")
          continue
        }
      }
      try await scene.rest()
      #expect(!scene.target.names().contains("a"))
    }
  }

  @Test("bytes that are not what their hash says never get a name")
  func wrongHash() async throws {
    try await FileScene.simulate { scene, _ in
      let stream = try await say(try offer([file("a", 3)]), scene)
      try await stream.write(FileFrame.begin(FilePlace()).encoded)
      try await stream.write(FileFrame.block([1, 2, 3], digest: [UInt8](repeating: 0, count: 32)).encoded)
      guard case .failed(let error) = await answers(stream).last else {
        throw FileTransferError(.corrupt, "taken")
      }
      #expect(error.code == .corrupt)
      try await scene.rest()
      #expect(!scene.target.names().contains("a"))
    }
  }

  @Test("whoever opens a stream and offers nothing is not waited for")
  func silence() async throws {
    try await FileScene.simulate { scene, _ in
      let bytes = try offer([file("a")])
      for count in [0, 1, 5, bytes.count - 1] {
        let start = scene.pair.alice.now
        let stream = try await say(Array(bytes.prefix(count)), scene)
        #expect(await answers(stream).isEmpty)
        let waited = start.duration(to: scene.pair.alice.now)
        #expect(waited > FileLimits.offerPatience && waited < FileLimits.offerPatience + .seconds(1))
      }
      try await scene.rest()
    }
  }

  @Test("offers of one peer are no more than it may have, and others' have room beside them")
  func offers() async throws {
    try await FileScene.simulate(policy: .ask, { $0.offersOfPeer = 3 }) { scene, _ in
      var streams: [Connection.Stream] = []
      for number in 0..<10 {
        let id = FileTransfer.ID(bytes: [UInt8](repeating: UInt8(number), count: 16))
        streams.append(try await say(try offer([file("a")], id), scene))
      }
      for stream in streams.dropFirst(3) {
        guard case .failed(let error) = await answers(stream).first else {
          throw FileTransferError(.busy, "taken")
        }
        #expect(error.code == .busy)
      }
      #expect(await scene.theirs.incoming.count == 3)
    }
  }

  @Test("lists of files have no more room than they may have, before they are read")
  func manifests() async throws {
    try await FileScene.simulate(policy: .ask) { scene, _ in
      let connection = try await scene.connect()
      var streams: [Connection.Stream] = []
      for _ in 0..<10 {
        let stream = try await connection.openStream()
        var head: [UInt8] = [1]
        head.append(number: UInt32(FileLimits.manifestBytes))
        try await stream.write(FileExchange.streamMark + head + [UInt8](repeating: 0, count: 1000))
        streams.append(stream)
      }
      try await scene.pair.alice.sleep(for: .seconds(1))
      #expect(await scene.theirs.manifestBytes(of: scene.aliceID).ofPeer == FileLimits.manifestBytesOfPeer)
      #expect(await scene.theirs.sessions.count == 4)
    }
  }

  @Test(
    "lists have no more room when their streams have broken",
    arguments: [FileExchange.Policy.ask, .everything])
  func brokenStreams(policy: FileExchange.Policy) async throws {
    try await FileScene.simulate(policy: policy, { $0.offersOfPeer = 1000 }) { scene, _ in
      let entries =
        [FileManifest.Entry(name: "f", kind: .folder)]
        + (0..<4000).map { file("\($0)" + String(repeating: "x", count: 980)) }
      for number in 0..<5 {
        let id = FileTransfer.ID(bytes: [UInt8](repeating: UInt8(number), count: 16))
        let stream = try await say(try offer(entries, id), scene)
        if number >= 4 {
          guard case .failed(let error) = await answers(stream).first else {
            throw FileTransferError(.busy, "taken")
          }
          #expect(error.code == .busy)
        } else {
          try await scene.pair.alice.sleep(for: .seconds(3))
          await scene.connections.last?.close()
        }
      }
      #expect(await scene.theirs.incoming.count == 4)
      // Offers whose sender is away do not stand there for ever.
      try await scene.pair.alice.sleep(for: .seconds(130))
      #expect(await scene.theirs.manifestBytes(of: scene.aliceID).ofAll == 0)
    }
  }

  @Test("one name many times takes no longer than many names")
  func sameName() throws {
    let manifest = try FileManifest(
      [FileManifest.Entry(name: "f", kind: .folder)] + (0..<20_000).map { _ in file("a") })
    let names = SafeName.names(of: manifest)
    #expect(Set(names).count == 20_000 + 1 && names[20_000] == "a (19999)")
  }

  @Test("streams of one peer are no more than it may have")
  func streams() async throws {
    try await FileScene.simulate { scene, _ in
      let connection = try await scene.connect()
      var refused = 0
      for number in 0..<FileLimits.streamsOfPeer + 10 {
        let stream = try await connection.openStream()
        try await stream.write(FileExchange.streamMark)
        if number >= FileLimits.streamsOfPeer, case .failed = await answers(stream).first { refused += 1 }
      }
      #expect(refused == 10)
      #expect(await scene.theirs.sessions.count == FileLimits.streamsOfPeer)
    }
  }

  @Test("nobody goes on with somebody else's transfer", arguments: [true, false])
  func theft(isRestarted: Bool) async throws {
    try await FileScene.simulate { scene, _ in
      scene.source.put(FileScene.bytes(20 * FileLimits.blockBytes), "a")
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      try await scene.wait(for: UInt64(2 * FileLimits.blockBytes), of: arrived)
      if isRestarted {
        await scene.mine.close()
        await scene.restartBob()
      }
      // Carol knows the number and the list.
      let (carol, port) = try await scene.stranger()
      let stream = try await carol.connect(to: port, expecting: scene.bobID).openStream()
      let size = UInt64(20 * FileLimits.blockBytes)
      try await stream.write(FileExchange.streamMark + (try offer([file("a", size)], transfer.id)))
      guard case .failed(let error) = await answers(stream).first else {
        throw FileTransferError(.busy, "taken")
      }
      #expect(error.code == .badMessage)
      if !isRestarted { try await transfer.finished() }
      await carol.close()
    }
  }

  @Test("a sender is no more trusted with words than a receiver: what makes no sense ends it")
  func hostileReceiver() async throws {
    try await FileScene.simulate { scene, _ in
      scene.source.put(FileScene.bytes(3 * FileLimits.blockBytes), "a")
      let digest = [UInt8](repeating: 0, count: 32)
      let accepted = FileFrame.accepted(FilePlace(), digest: digest).encoded
      let cases: [[UInt8]] = [
        [255, 0, 0, 0, 0], FileFrame.finished.encoded, accepted + FileFrame.finished.encoded,
        accepted + accepted,
        FileFrame.accepted(FilePlace(file: 0, offset: 1 << 63), digest: digest).encoded,
        FileFrame.accepted(FilePlace(file: 2), digest: digest).encoded,
        accepted + FileFrame.completed(file: 0).encoded,
        accepted + FileFrame.verified(FilePlace(offset: .max)).encoded,
      ]
      for (number, bytes) in cases.enumerated() {
        await scene.answer(with: bytes)
        let transfer = try await scene.send("a")
        let failure = await scene.failure(of: transfer)
        #expect(failure?.code == .badMessage, "case \(number): \(String(describing: failure))")
      }
    }
  }

  @Test("a receiver that accepts and reads nothing holds nobody up who cancels")
  func reluctant() async throws {
    try await FileScene.simulate { scene, _ in
      scene.source.put(FileScene.bytes(30 * FileLimits.blockBytes), "a")
      await scene.answer(
        with: FileFrame.accepted(FilePlace(), digest: [UInt8](repeating: 0, count: 32)).encoded)
      let transfer = try await scene.send("a")
      try await scene.pair.alice.sleep(for: .seconds(60))
      #expect(await transfer.status.bytes == 0)
      #expect(scene.source.simulated!.calls < 20, "it has read on")
      await transfer.cancel()
      #expect(await scene.failure(of: transfer)?.code == .cancelled)
    }
  }
}

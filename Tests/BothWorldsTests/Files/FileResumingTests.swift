import TestSupport
import Testing
import WarrenSimulator

@testable import Warren

@Suite("A transfer that is interrupted")
struct FileResumingTests {
  private static let block = FileLimits.blockBytes

  static var lossy: LinkConfiguration {
    var link = LinkConfiguration.access
    link.loss = 0.05
    return link
  }

  /// What interrupts a transfer.
  enum Break: String, CaseIterable {
    /// Either side closes the connection.
    case aliceCloses, bobCloses
    /// Nothing passes for a while, until both have given up.
    case silence
    /// Either program ends, and is started again.
    case bobRestarts
  }

  @Test(
    "goes on where it was, through ten breaks and a loss of 10 %, and arrives as it was", arguments: 1...10)
  func breaks(seed: UInt64) async throws {
    try await FileScene.simulate(seed: seed, link: Self.lossy) { scene, world in
      let bytes = FileScene.bytes(24 * Self.block + 12_345, seed: seed)
      scene.source.makeFolder("a")
      scene.source.put(bytes, "a/large")
      scene.source.put([1, 2, 3], "a/small")
      scene.source.put(FileScene.bytes(2 * Self.block), "a/more")
      var random = SeededRandom(seed)
      let transfer = try await scene.send("a")
      var points = (0..<10).map { _ in UInt64.random(in: 1...transfer.totalBytes * 3 / 4, using: &random) }
        .sorted()
      var written = 0
      scene.target.simulated!.fault = { call in
        if call.kind == .write { written += 1 }
        return nil
      }
      for await progress in transfer.progress {
        guard let next = points.first, progress.bytes >= next else { continue }
        points.removeFirst()
        switch Break.allCases.randomElement(using: &random)! {
        case .aliceCloses: await scene.connections.last?.close()
        case .bobCloses: await scene.bobConnections.last?.close(code: 7)
        case .silence:
          world.cut(between: "alice", and: "bob")
          try await scene.pair.alice.sleep(for: .seconds(8))
          world.mend(between: "alice", and: "bob")
        case .bobRestarts: await scene.restartBob()
        }
      }
      #expect(points.isEmpty)
      try await transfer.finished()
      #expect(scene.target.bytes("a/large") == bytes)
      try await scene.rest()
      #expect(scene.target.tree() == ["a/", "a/large", "a/more", "a/small"])
      // No block is written twice but one that was under way, and the notes.
      #expect(written < 24 + 4 + 3 + 3 * 11, "\(written) writes")
    }
  }

  @Test("goes on after the sender was started anew, under the same number")
  func sender() async throws {
    try await FileScene.simulate { scene, _ in
      let bytes = FileScene.bytes(20 * Self.block)
      scene.source.put(bytes, "a")
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      try await scene.wait(for: UInt64(5 * Self.block), of: arrived)
      await scene.restartAlice()
      #expect(await scene.failure(of: transfer)?.code == .closed)
      let had = await arrived.status.bytes
      #expect(scene.target.bytes("a") == nil && had >= UInt64(5 * Self.block))
      let again = try await scene.send("a", id: transfer.id)
      try await again.finished()
      try await arrived.finished()
      #expect(scene.target.bytes("a") == bytes)
      try await scene.rest()
      #expect(scene.target.tree() == ["a"])
    }
  }

  @Test("goes on after both were started anew on a real disk, and what has come goes when it is cancelled")
  func realDisk() async throws {
    try await FileScene.run(.local) { scene in
      scene.source.putLong("a")
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      try await scene.wait(for: UInt64(5 * Self.block), of: arrived)
      await scene.restartBob()
      let had = await arrived.status.bytes
      let second = try await scene.arrival()
      for await progress in second.progress where progress.state == .moving && progress.bytes > 0 {
        #expect(progress.bytes >= had)
        break
      }
      await scene.restartAlice()
      #expect(await scene.failure(of: transfer)?.code == .closed)
      let again = try await scene.send("a", id: transfer.id)
      try await scene.wait(for: had + 1, of: again)
      await again.cancel()
      #expect(await scene.failure(of: second)?.code == .cancelled)
      try await scene.rest()
      #expect(scene.target.tree() == [])
    }
  }

  @Test("goes on after the receiver was started anew, from what lies on its disk")
  func receiver() async throws {
    try await FileScene.simulate { scene, _ in
      let bytes = FileScene.bytes(20 * Self.block)
      scene.source.put(bytes, "a")
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      try await scene.wait(for: UInt64(5 * Self.block), of: arrived)
      await scene.restartBob()
      #expect(await scene.failure(of: arrived)?.code == .closed)
      let second = try await scene.arrival()
      #expect(second.id == transfer.id && second !== arrived)
      try await second.finished()
      try await transfer.finished()
      #expect(scene.target.bytes("a") == bytes)
      try await scene.rest()
      #expect(scene.target.tree() == ["a"])
    }
  }

  @Test("begins a file anew where the part was changed meanwhile")
  func tampered() async throws {
    try await FileScene.simulate { scene, _ in
      let bytes = FileScene.bytes(20 * Self.block)
      scene.source.put(bytes, "a")
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      try await scene.wait(for: UInt64(5 * Self.block), of: arrived)
      await scene.theirs.close()
      var part = try #require(scene.target.bytes("a.part"))
      part[Self.block] ^= 1
      scene.target.put(part, "a.part")
      await scene.restartBob()
      try await transfer.finished()
      #expect(scene.target.bytes("a") == bytes)
    }
  }

  @Test("begins a file anew where the part was changed under a program that has it open")
  func tamperedWhileOpen() async throws {
    try await FileScene.simulate { scene, _ in
      let bytes = FileScene.bytes(20 * Self.block)
      scene.source.put(bytes, "a")
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      try await scene.wait(for: UInt64(5 * Self.block), of: arrived)
      await scene.connections.last?.close()
      for await progress in arrived.progress where progress.state == .interrupted { break }
      let disk = scene.target.simulated!
      disk.change(scene.target.path("a.part")) { $0[1000] ^= 1 }
      try await transfer.finished()
      #expect(scene.target.bytes("a") == bytes)
    }
  }

  @Test("reads nothing twice when both programs have gone on")
  func quick() async throws {
    try await FileScene.simulate { scene, _ in
      scene.source.put(FileScene.bytes(20 * Self.block), "a")
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      try await scene.wait(for: UInt64(8 * Self.block), of: arrived)
      let read = Guarded<[SimulatedDisk.FileCall]>([])
      for disk in [scene.source, scene.target] {
        disk.simulated!.fault = { call in
          if call.kind == .read { read.withLock { $0.append(call) } }
          return nil
        }
      }
      await scene.connections.last?.close()
      try await transfer.finished()
      let calls = read.withLock { $0 }
      #expect(calls.allSatisfy { $0.offset >= UInt64(8 * Self.block) }, "\(calls)")
      #expect(Set(calls).count == calls.count || calls.count < 30, "\(calls)")
    }
  }

  @Test("is over for both when it stands still for too long, and what came of it stays")
  func patience() async throws {
    try await FileScene.simulate { scene, world in
      scene.source.put(FileScene.bytes(20 * Self.block), "a")
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      try await scene.wait(for: UInt64(5 * Self.block), of: arrived)
      world.cut(between: "alice", and: "bob")
      let start = scene.pair.alice.now
      #expect(await scene.failure(of: transfer)?.code == .lost)
      #expect(await scene.failure(of: arrived)?.code == .lost)
      #expect(start.duration(to: scene.pair.alice.now) < .seconds(200))
      #expect(scene.target.names().contains("a.part") && !scene.target.names().contains("a"))
      world.mend(between: "alice", and: "bob")
      try await scene.send("a", id: transfer.id).finished()
      try await scene.rest()
      #expect(scene.target.tree() == ["a"])
    }
  }

  @Test("is cancelled also while it stands still", arguments: [true, false])
  func cancelled(bySender: Bool) async throws {
    try await FileScene.simulate { scene, world in
      scene.source.put(FileScene.bytes(20 * Self.block), "a")
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      try await scene.wait(for: UInt64(5 * Self.block), of: arrived)
      world.cut(between: "alice", and: "bob")
      try await scene.pair.alice.sleep(for: .seconds(8))
      #expect(await arrived.status.state == .interrupted)
      await (bySender ? transfer : arrived).cancel()
      #expect(await scene.failure(of: bySender ? transfer : arrived)?.code == .cancelled)
      world.mend(between: "alice", and: "bob")
      // A sender that was cancelled is not there to say so; one that comes again is told.
      #expect(await scene.failure(of: bySender ? arrived : transfer)?.code == (bySender ? .lost : .cancelled))
      try await scene.rest()
      #expect(scene.target.tree().isEmpty == !bySender)
    }
  }

  @Test("is cancelled also by a receiver that was started anew, before its turn")
  func cancelledByAnother() async throws {
    try await FileScene.simulate({ $0.transfers = 1 }) { scene, world in
      scene.source.put(FileScene.bytes(20 * Self.block), "a")
      let transfer = try await scene.send("a")
      try await scene.wait(for: UInt64(5 * Self.block), of: try await scene.arrival())
      await scene.restartBob()
      let second = try await scene.arrival()
      await second.cancel()
      #expect(await scene.failure(of: second)?.code == .cancelled)
      #expect(await scene.failure(of: transfer)?.code == .cancelled)
      try await scene.rest()
      #expect(scene.target.tree() == [])
    }
  }

  @Test("a sender that has not heard that everything is there is told when it asks again")
  func unheard() async throws {
    try await FileScene.simulate { scene, world in
      scene.source.put(FileScene.bytes(3 * Self.block), "a")
      let disk = scene.target.simulated!
      disk.fault = { call in
        // What is said after the rename reaches nobody.
        if call.kind == .rename { world.cut(from: "bob", to: "alice") }
        return nil
      }
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      try await arrived.finished()
      disk.fault = nil
      try await scene.pair.alice.sleep(for: .seconds(10))
      #expect(await transfer.status.state != .finished)
      world.mend(from: "bob", to: "alice")
      try await transfer.finished()
      try await scene.rest()
      #expect(scene.target.tree() == ["a"])
    }
  }

  @Test("also by a receiver that was started anew after the last rename")
  func unheardByAnother() async throws {
    try await FileScene.simulate { scene, world in
      scene.source.put(FileScene.bytes(3 * Self.block), "a")
      let disk = scene.target.simulated!
      disk.fault = { call in
        if call.kind == .rename { world.cut(from: "bob", to: "alice") }
        return nil
      }
      let transfer = try await scene.send("a")
      try await scene.arrival().finished()
      disk.fault = nil
      await scene.restartBob()
      world.mend(from: "bob", to: "alice")
      try await transfer.finished()
      try await scene.rest()
      #expect(scene.target.tree() == ["a"])
    }
  }

  @Test("a note that the sender may still need goes when it has not asked for long")
  func notes() async throws {
    try await FileScene.simulate { scene, world in
      scene.source.put([1, 2, 3], "a")
      scene.target.simulated!.fault = { call in
        if call.kind == .rename { world.cut(from: "bob", to: "alice") }
        return nil
      }
      let transfer = try await scene.send("a")
      try await scene.arrival().finished()
      await scene.mine.close()
      #expect(await scene.failure(of: transfer)?.code == .closed)
      try await scene.pair.bob.sleep(for: .seconds(60))
      #expect(scene.target.names().count == 2)
      try await scene.pair.bob.sleep(for: .seconds(80))
      #expect(scene.target.tree() == ["a"])
    }
  }

  @Test("an offer that waits is the same offer when the sender comes again")
  func offer() async throws {
    try await FileScene.simulate(policy: .ask) { scene, _ in
      scene.source.put([1, 2, 3], "a")
      let transfer = try await scene.send("a")
      var offers = scene.theirs.offers.makeAsyncIterator()
      let offer = try #require(await offers.next())
      for _ in 0..<3 {
        await scene.connections.last?.close()
        try await scene.pair.alice.sleep(for: .seconds(2))
      }
      #expect(scene.connections.count == 4)
      _ = try await offer.accept()
      try await transfer.finished()
      #expect(scene.target.bytes("a") == [1, 2, 3])
      await scene.theirs.close()
      #expect(await offers.next() == nil)
    }
  }

  @Test("an offer that was taken back cannot be accepted")
  func withdrawn() async throws {
    try await FileScene.simulate(policy: .ask) { scene, _ in
      scene.source.put([1, 2, 3], "a")
      let transfer = try await scene.send("a")
      var offers = scene.theirs.offers.makeAsyncIterator()
      let offer = try #require(await offers.next())
      await transfer.cancel()
      _ = await scene.failure(of: transfer)
      try await scene.rest()
      await #expect(throws: FileTransferError.self) { _ = try await offer.accept() }
      #expect(scene.target.tree() == [])
    }
  }
}

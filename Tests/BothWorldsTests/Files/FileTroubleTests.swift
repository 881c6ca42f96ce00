import TestSupport
import Testing
import WarrenSimulator

@testable import Warren

@Suite("A transfer and its disks")
struct FileTroubleTests {
  private static let block = FileLimits.blockBytes

  @Test("a disk that is full is said to both, and when there is room it goes on")
  func full() async throws {
    try await FileScene.simulate { scene, _ in
      let bytes = FileScene.bytes(10 * Self.block)
      scene.source.put(bytes, "a")
      let disk = scene.target.simulated!
      disk.capacity = 4 * Self.block + 1000
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      let (sent, received) = (await scene.failure(of: transfer), await scene.failure(of: arrived))
      #expect(sent?.code == .diskFull && sent?.isRemote == true)
      #expect(received?.code == .diskFull && received?.isRemote == false)
      #expect(sent?.reason.contains("disk is full") == true, "\(String(describing: sent))")
      #expect(scene.target.bytes("a") == nil && disk.used <= disk.capacity!)
      disk.capacity = nil
      try await scene.send("a", id: transfer.id).finished()
      try await scene.rest()
      #expect(scene.target.bytes("a") == bytes && scene.target.tree() == ["a"])
    }
  }

  @Test("whoever goes at once, having said why nothing comes of it, has said so", arguments: Leaving.allCases)
  func leaving(who: Leaving) async throws {
    for seed in 1...40 as ClosedRange<UInt64> {
      try await FileScene.simulate(seed: seed, link: FileResumingTests.lossy) { scene, _ in
        scene.source.put(FileScene.bytes(10 * Self.block), "a")
        switch who {
        case .receiver: scene.target.simulated!.capacity = 4 * Self.block + 1000
        case .sender:
          scene.source.simulated!.fault = {
            $0.kind == .read && $0.offset >= UInt64(4 * Self.block) ? .broken : nil
          }
        }
        let transfer = try await scene.send("a")
        let arrived = try await scene.arrival()
        switch who {
        case .receiver:
          #expect(await scene.failure(of: arrived)?.code == .diskFull)
          await scene.theirs.close()
          await scene.bob.close()
          #expect(await scene.failure(of: transfer)?.code == .diskFull, "seed \(seed)")
        case .sender:
          #expect(await scene.failure(of: transfer)?.code == .disk)
          await scene.mine.close()
          await scene.alice.close()
          #expect(await scene.failure(of: arrived)?.code == .disk, "seed \(seed)")
        }
      }
    }
  }

  /// Who ends the program when a transfer has failed.
  enum Leaving: CaseIterable { case receiver, sender }

  @Test(
    "whatever the receiver's disk refuses is said to both, and nothing has the file's name",
    arguments: [
      SimulatedDisk.FileCall.Kind.open, .make, .write, .setSize, .sync, .rename,
    ])
  func refused(kind: SimulatedDisk.FileCall.Kind) async throws {
    try await FileScene.simulate { scene, _ in
      scene.source.put(FileScene.bytes(3 * Self.block), "a")
      let disk = scene.target.simulated!
      disk.fault = { $0.kind == kind && !$0.path.contains(".warren-") ? .notPermitted : nil }
      let transfer = try await scene.send("a")
      let sent = await scene.failure(of: transfer)
      #expect(sent?.code == .notPermitted && sent?.isRemote == true, "\(String(describing: sent))")
      try await scene.rest()
      #expect(!scene.target.names().contains("a"))
      disk.fault = nil
      try await scene.send("a", id: transfer.id).finished()
      #expect(scene.target.bytes("a")?.count == 3 * Self.block)
    }
  }

  @Test(
    "whatever goes wrong with the sender's disk is said to both",
    arguments: [FileError.Code.notPermitted, .broken, .notFound])
  func unreadable(code: FileError.Code) async throws {
    try await FileScene.simulate { scene, _ in
      scene.source.put(FileScene.bytes(10 * Self.block), "a")
      scene.source.simulated!.fault = { $0.kind == .read && $0.offset >= UInt64(4 * Self.block) ? code : nil }
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      let (sent, received) = (await scene.failure(of: transfer), await scene.failure(of: arrived))
      #expect(sent?.code == FileTransferError(FileError(code, "")).code && sent?.isRemote == false)
      #expect(received?.code == sent?.code && received?.isRemote == true && received?.reason == sent?.reason)
      #expect(scene.target.bytes("a") == nil)
    }
  }

  /// What another program does to a file while it is sent.
  enum Change: String, CaseIterable {
    case shrinks, grows, isWritten, vanishes, isReplaced, becomesAFolder, becomesALink
  }

  @Test(
    "a file that changes while it is sent arrives nowhere under its name", arguments: Change.allCases,
    [0, 1, 5, 9])
  func changes(change: Change, block: Int) async throws {
    try await FileScene.simulate { scene, _ in
      scene.source.makeFolder("f")
      let bytes = FileScene.bytes(10 * Self.block)
      scene.source.put([1], "f/a")
      scene.source.put(bytes, "f/b")
      let (disk, path) = (scene.source.simulated!, scene.source.path("f/b"))
      var isDone = false
      disk.fault = { call in
        guard !isDone, call.kind == .read, call.path == path, call.offset == UInt64(block * Self.block) else {
          return nil
        }
        isDone = true
        switch change {
        case .shrinks: disk.change(path) { $0.removeLast(3) }
        case .grows: disk.change(path) { $0.append(1) }
        case .isWritten: disk.change(path) { $0[9 * Self.block] ^= 1 }
        case .vanishes: disk.remove(path)
        case .isReplaced: disk.put(bytes, at: path)
        case .becomesAFolder: disk.makeFolder(at: path)
        case .becomesALink: disk.makeLink(at: path, to: "/etc/passwd")
        }
        return nil
      }
      let transfer = try await scene.send("f")
      let arrived = try await scene.arrival()
      let (sent, received) = (await scene.failure(of: transfer), await scene.failure(of: arrived))
      switch change {
      case .shrinks, .grows, .isWritten:
        #expect(sent?.code == .changed && sent?.isRemote == false && received?.code == .changed)
        try await scene.rest()
        #expect(scene.target.tree() == [], "nothing can come of it")
      case .vanishes, .isReplaced, .becomesAFolder, .becomesALink:
        // What was opened is sent: it is what was offered.
        #expect(sent == nil && received == nil && scene.target.bytes("f/b") == bytes)
      }
    }
  }

  @Test("a file that changes while the transfer stands still is not gone on with")
  func changesMeanwhile() async throws {
    try await FileScene.simulate { scene, _ in
      scene.source.put(FileScene.bytes(20 * Self.block), "a")
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      try await scene.wait(for: UInt64(5 * Self.block), of: arrived)
      scene.source.simulated!.change(scene.source.path("a")) { $0[0] ^= 1 }
      await scene.connections.last?.close()
      #expect(await scene.failure(of: transfer)?.code == .changed)
      #expect(await scene.failure(of: arrived)?.code == .changed)
      try await scene.rest()
      #expect(scene.target.tree() == [])
    }
  }

  @Test("other files under the number of a transfer are refused")
  func otherFiles() async throws {
    try await FileScene.simulate { scene, _ in
      scene.source.put(FileScene.bytes(20 * Self.block), "a")
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      try await scene.wait(for: UInt64(5 * Self.block), of: arrived)
      await scene.restartAlice()
      scene.source.put([1], "a")
      try await scene.expect(.changed, sending: "a", id: transfer.id)
      await scene.restartBob()
      try await scene.expect(.changed, sending: "a", id: transfer.id)
      #expect(!scene.target.names().contains("a"))
    }
  }

  @Test("a slow disk slows the sender, and nothing piles up in between")
  func backPressure() async throws {
    try await FileScene.simulate { scene, _ in
      scene.source.put(FileScene.bytes(60 * Self.block), "a")
      scene.target.simulated!.bytesPerSecond = 250_000
      let (read, written, most) = (Guarded<UInt64>(0), Guarded<UInt64>(0), Guarded<UInt64>(0))
      scene.source.simulated!.fault = { call in
        if call.kind == .read {
          read.withLock { $0 = call.offset }
          let ahead = call.offset - min(call.offset, written.withLock { $0 })
          most.withLock { $0 = max($0, ahead) }
        }
        return nil
      }
      scene.target.simulated!.fault = { call in
        if call.kind == .write { written.withLock { $0 = max($0, call.offset) } }
        return nil
      }
      let start = scene.pair.alice.now
      try await scene.send("a").finished()
      #expect(start.duration(to: scene.pair.alice.now) > .seconds(50))
      // What QUIC's window holds, what waits to be sent, and a few blocks on either side.
      #expect(most.withLock { $0 } < 6_000_000, "the sender is \(most.withLock { $0 }) bytes ahead")
    }
  }

  @Test("a folder that is not there is said")
  func noFolder() async throws {
    try await FileScene.simulate { scene, _ in
      scene.source.put([1], "a")
      scene.target.simulated!.remove(scene.target.root)
      try await scene.expect(.notFound, sending: "a")
    }
  }

  @Test("a link that takes the place of a part is not followed")
  func planted() async throws {
    try await FileScene.simulate { scene, _ in
      scene.source.makeFolder("f")
      scene.source.put(FileScene.bytes(20 * Self.block), "f/a")
      scene.target.put([6], "victim")
      let transfer = try await scene.send("f")
      let arrived = try await scene.arrival()
      try await scene.wait(for: UInt64(2 * Self.block), of: arrived)
      let disk = scene.target.simulated!
      await scene.theirs.close()
      disk.remove(scene.target.path("f.part/a.part"))
      disk.makeLink(at: scene.target.path("f.part/a.part"), to: scene.target.path("victim"))
      await scene.restartBob()
      #expect(await scene.failure(of: transfer)?.code == .disk)
      #expect(scene.target.bytes("victim") == [6])
      disk.remove(scene.target.path("f.part"))
      disk.makeFolder(at: scene.target.path("elsewhere"))
      disk.makeLink(at: scene.target.path("f.part"), to: scene.target.path("elsewhere"))
      try await scene.expect(.disk, sending: "f", id: transfer.id)
      #expect(scene.target.names("elsewhere") == [])
    }
  }
}

import TestSupport
import Testing
import WarrenSimulator

@testable import Warren

@Suite("Files between two machines")
struct FileTransferTests {
  private static let block = FileLimits.blockBytes

  @Test(
    "a file arrives as it was, under its name", arguments: TwoMachines.allCases,
    [0, 1, block - 1, block, block + 1, 5 * block + 77])
  func file(world: TwoMachines, size: Int) async throws {
    try await FileScene.run(world) { scene in
      let bytes = FileScene.bytes(size)
      scene.source.put(bytes, "a.bin", isExecutable: size == 1)
      let transfer = try await scene.send("a.bin")
      #expect(transfer.totalBytes == UInt64(size) && transfer.name == "a.bin" && transfer.fileCount == 1)
      let arrived = try await scene.arrival()
      #expect(arrived.id == transfer.id && arrived.peer == scene.aliceID && arrived.direction == .receiving)
      #expect(try await arrived.finished() == scene.target.path("a.bin"))
      try await transfer.finished()
      #expect(scene.target.bytes("a.bin") == bytes)
      #expect(scene.target.isExecutable("a.bin") == (size == 1))
      let status = await transfer.status
      #expect(status.bytes == UInt64(size) && status.state == .finished && status.fraction == 1)
      try await expectOnly(["a.bin"], scene)
    }
  }

  /// Once the last word is said nothing else is there: no part and no note.
  private func expectOnly(
    _ names: [String], _ scene: FileScene, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    // The note goes when the sender has heard that everything is there.
    try await scene.rest()
    #expect(scene.target.tree() == names, sourceLocation: sourceLocation)
  }

  @Test("a folder arrives with all that is in it, and without links", arguments: TwoMachines.allCases)
  func folder(world: TwoMachines) async throws {
    try await FileScene.run(world) { scene in
      scene.source.makeFolder("trip/empty/deeper")
      scene.source.makeFolder("trip/photos")
      let big = FileScene.bytes(3 * Self.block + 5)
      scene.source.put(big, "trip/photos/beach.jpg")
      scene.source.put([1, 2], "trip/photos/a")
      scene.source.put([], "trip/nothing")
      scene.source.put([7], "trip/run.sh", isExecutable: true)
      scene.source.makeLink("trip/link", to: "/etc/passwd")
      scene.source.makePipe("trip/pipe")
      let transfer = try await scene.send("trip/", as: "holiday")
      #expect(transfer.fileCount == 4 && transfer.totalBytes == UInt64(big.count + 3))
      #expect(transfer.skipped == [scene.source.path("trip/link"), scene.source.path("trip/pipe")])
      try await transfer.finished()
      #expect(scene.target.bytes("holiday/photos/beach.jpg") == big)
      #expect(scene.target.bytes("holiday/photos/a") == [1, 2])
      #expect(scene.target.isExecutable("holiday/run.sh") && !scene.target.isExecutable("holiday/nothing"))
      try await expectOnly(
        [
          "holiday/", "holiday/empty/", "holiday/empty/deeper/", "holiday/nothing", "holiday/photos/",
          "holiday/photos/a", "holiday/photos/beach.jpg", "holiday/run.sh",
        ], scene)
    }
  }

  @Test("nothing that is there is written to", arguments: TwoMachines.allCases)
  func existing(world: TwoMachines) async throws {
    try await FileScene.run(world) { scene in
      scene.source.put([1, 2, 3], "a.txt")
      scene.target.put([9], "a.txt")
      scene.target.put([8], "a.txt.part")
      scene.target.put([7], "a (1).txt")
      scene.target.put([6], "victim")
      scene.target.makeLink("a (2).txt", to: scene.target.path("victim"))
      scene.target.makeLink("a (1).txt.part", to: scene.target.path("victim"))
      scene.target.makeLink("a (2).txt.part", to: scene.target.path("nowhere"))
      try await scene.send("a.txt").finished()
      #expect(scene.target.bytes("a.txt") == [9] && scene.target.bytes("a.txt.part") == [8])
      #expect(scene.target.bytes("a (1).txt") == [7] && scene.target.bytes("victim") == [6])
      #expect(scene.target.bytes("a (3).txt") == [1, 2, 3])
      #expect(!scene.target.names().contains("nowhere"))
    }
  }

  @Test("a folder's new name is one that nothing has", arguments: TwoMachines.allCases)
  func existingFolder(world: TwoMachines) async throws {
    try await FileScene.run(world) { scene in
      scene.source.makeFolder("v1.2")
      scene.source.put([1], "v1.2/a")
      scene.target.makeFolder("v1.2")
      try await scene.send("v1.2").finished()
      try await scene.send("v1.2").finished()
      try await expectOnly(["v1.2/", "v1.2 (1)/", "v1.2 (1)/a", "v1.2 (2)/", "v1.2 (2)/a"], scene)
    }
  }

  @Test("what is offered is asked about, and goes where it is wanted", arguments: TwoMachines.allCases)
  func asking(world: TwoMachines) async throws {
    try await FileScene.run(world, policy: .ask) { scene in
      scene.source.makeFolder("a/b")
      scene.source.put([1, 2], "a/b/c", isExecutable: true)
      scene.source.put([3], "a/d")
      scene.target.makeFolder("elsewhere")
      let transfer = try await scene.send("a")
      var offers = scene.theirs.offers.makeAsyncIterator()
      let offer = try #require(await offers.next())
      #expect(offer.peer == scene.aliceID && offer.name == "a" && offer.isFolder && offer.totalBytes == 3)
      #expect(
        offer.files == [
          FileOffer.File(path: "d", size: 1, isExecutable: false),
          FileOffer.File(path: "b/c", size: 2, isExecutable: true),
        ])
      #expect(await transfer.status.state == .waiting)
      let arrived = try await offer.accept(as: "../mine", into: scene.target.path("elsewhere"))
      #expect(try await offer.accept() === arrived)
      #expect(try await arrived.finished() == scene.target.path("elsewhere/.._mine"))
      try await transfer.finished()
      #expect(scene.target.bytes("elsewhere/.._mine/b/c") == [1, 2])
      try await scene.rest()
      await #expect(throws: FileTransferError.self) { _ = try await offer.accept() }
    }
  }

  @Test("what is not wanted does not come, and the sender is told why", arguments: TwoMachines.allCases)
  func refusing(world: TwoMachines) async throws {
    try await FileScene.run(world, policy: .ask) { scene in
      scene.source.put([1], "a")
      let transfer = try await scene.send("a")
      var offers = scene.theirs.offers.makeAsyncIterator()
      let offer = try #require(await offers.next())
      await offer.refuse("no more holiday pictures\u{1B}[2J")
      let failure = await scene.failure(of: transfer)
      #expect(failure?.code == .refused && failure?.isRemote == true)
      #expect(failure?.reason == "no more holiday pictures\u{FFFD}[2J")
      await #expect(throws: FileTransferError.self) { _ = try await offer.accept() }
      try await expectOnly([], scene)
    }
  }

  @Test("who has no folder refuses, says why, and can send", arguments: TwoMachines.allCases)
  func noFolder(world: TwoMachines) async throws {
    try await FileScene.run(world) { scene in
      scene.source.put([1], "a")
      scene.target.put([2], "b")
      await scene.takeFolderFromBob()
      let failure = await scene.failure(of: try await scene.send("a"))
      #expect(failure?.code == .refused && failure?.isRemote == true)
      #expect(failure?.reason.contains("no folder") == true, "\(String(describing: failure))")
      try await expectOnly(["b"], scene)
      // Over the connection that there is, the other way round.
      let connection = try #require(scene.bobConnections.last)
      scene.pair.alice.spawn("alice's streams") {
        await scene.mine.takeAll(of: try #require(scene.connections.last))
      }
      let back = try await scene.theirs.send(scene.target.path("b")) { connection }
      try await back.finished()
      #expect(scene.source.bytes("b") == [2])
    }
  }

  @Test("a policy may take some and ask about the rest")
  func policy() async throws {
    try await FileScene.simulate(policy: .when { $0.name.hasSuffix(".txt") }) { scene, _ in
      scene.source.put([1], "a.txt")
      scene.source.put([1], "b.exe")
      try await scene.send("a.txt").finished()
      let transfer = try await scene.send("b.exe")
      var offers = scene.theirs.offers.makeAsyncIterator()
      let offer = try #require(await offers.next())
      #expect(offer.name == "b.exe")
      await offer.refuse()
      #expect(await scene.failure(of: transfer)?.code == .refused)
    }
  }

  @Test(
    "whoever cancels ends it on both sides, and nothing is left of it", arguments: TwoMachines.allCases,
    [true, false])
  func cancelling(world: TwoMachines, bySender: Bool) async throws {
    try await FileScene.run(world) { scene in
      scene.source.putLong("a")
      let transfer = try await scene.send("a")
      let arrived = try await scene.arrival()
      try await scene.wait(for: UInt64(2 * Self.block), of: arrived)
      await (bySender ? transfer : arrived).cancel()
      let (sent, received) = (await scene.failure(of: transfer), await scene.failure(of: arrived))
      #expect(sent?.code == .cancelled && sent?.isRemote == !bySender, "\(String(describing: sent))")
      #expect(
        received?.code == .cancelled && received?.isRemote == bySender, "\(String(describing: received))")
      try await expectOnly([], scene)
      #expect(scene.source.names() == ["a"])
    }
  }

  @Test("many transfers at once all arrive, and each wait has its turn", arguments: TwoMachines.allCases)
  func crowd(world: TwoMachines) async throws {
    try await FileScene.run(world) { scene in
      let files = (0..<30).map { number in
        (name: "file \(number)", bytes: FileScene.bytes(number * 10_000, seed: UInt64(number)))
      }
      for file in files { scene.source.put(file.bytes, file.name) }
      let connection = try await scene.connect()
      var transfers: [FileTransfer] = []
      for file in files {
        transfers.append(try await scene.mine.send(scene.source.path(file.name)) { connection })
      }
      for transfer in transfers { try await transfer.finished() }
      for file in files { #expect(scene.target.bytes(file.name) == file.bytes) }
      try await expectOnly(files.map(\.name).sorted(), scene)
    }
  }

  @Test("what is not there is not sent", arguments: TwoMachines.allCases)
  func nothing(world: TwoMachines) async throws {
    try await FileScene.run(world) { scene in
      scene.source.makePipe("pipe")
      for (name, code) in [("nobody", FileTransferError.Code.notFound), ("pipe", .disk), ("a\0b", .disk)] {
        do {
          _ = try await scene.send(name)
          Issue.record("\(name) is sent")
        } catch let error as FileTransferError {
          #expect(error.code == code)
        }
      }
    }
  }

  @Test("whoever cannot be reached is not waited for at first")
  func nobody() async throws {
    try await FileScene.simulate { scene, _ in
      scene.source.put([1], "a")
      await scene.bob.close()
      let transfer = try await scene.send("a")
      #expect(await scene.failure(of: transfer)?.code == .lost)
    }
  }

  @Test("progress is told to everybody who looks, and ends", arguments: TwoMachines.allCases)
  func progress(world: TwoMachines) async throws {
    try await FileScene.run(world) { scene in
      scene.source.put(FileScene.bytes(20 * Self.block), "a")
      let transfer = try await scene.send("a")
      let watchers = (0..<2).map { number in
        scene.pair.alice.spawn("watcher \(number)") {
          var seen: [FileTransfer.Progress] = []
          for await progress in transfer.progress { seen.append(progress) }
          return seen
        }
      }
      for watcher in watchers {
        let seen = try await watcher.value
        #expect(seen.map(\.bytes) == seen.map(\.bytes).sorted())
        #expect(seen.last?.state == .finished && seen.last?.bytes == UInt64(20 * Self.block))
        #expect(seen.allSatisfy { $0.totalBytes == transfer.totalBytes && $0.fraction <= 1 })
        if world == .simulated { #expect(seen.count > 3 && seen.contains { $0.bytesPerSecond > 0 }) }
      }
      // Who looks when everything is over sees that.
      var late: [FileTransfer.Progress] = []
      for await progress in transfer.progress { late.append(progress) }
      #expect(late.map(\.state) == [.finished])
    }
  }
}

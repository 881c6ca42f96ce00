import TestSupport
import Testing
import Warren
import WarrenSimulator

@Suite("Files of a machine")
struct FileSystemTests {
  /// Lends `body` a folder, as another program sees it and as ours has it open.
  private func withFolder(
    _ world: TwoMachines, _ body: @escaping @Sendable (TestDisk, any OpenFolder) async throws -> Void
  ) async throws {
    try await Folder.with { path in
      try await world.run { pair in
        let disk = TestDisk(machine: pair.alice, root: path)
        disk.makeFolder()
        let folder = try await pair.alice.files.openFolder(at: path)
        try await body(disk, folder)
        folder.close()
      }
    }
  }

  private func expect(
    _ code: FileError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
  ) async {
    do {
      try await body()
      Issue.record("nothing went wrong", sourceLocation: sourceLocation)
    } catch {
      #expect((error as? FileError)?.code == code, "\(error)", sourceLocation: sourceLocation)
      #expect(!"\(error)".isEmpty)
    }
  }

  @Test(
    "what is written is read, and lent to whoever looks at it on its way", arguments: TwoMachines.allCases)
  func writing(world: TwoMachines) async throws {
    try await withFolder(world) { disk, folder in
      let file = try await folder.openFile("a", for: .making())
      let hash = RunningHash(.sha256)
      try await file.write([1, 2, 3], at: 0) { hash.add($0) }
      try await file.write([4, 5], at: 3) { hash.add($0) }
      #expect(hash.value == HashFunction.sha256.hash([1, 2, 3, 4, 5]))
      try await file.sync()
      let seen = RunningHash(.sha256)
      #expect(try await file.read(100, at: 1) { seen.add($0) } == [2, 3, 4, 5])
      #expect(seen.value == HashFunction.sha256.hash([2, 3, 4, 5]))
      #expect(try await file.read(100, at: 5) == [])
      #expect(try await file.read(100, at: UInt64(Int64.max)) == [])
      #expect(try await file.read(100, at: .max) == [])
      try await file.setSize(2)
      #expect(try await file.info().size == 2)
      try await file.setSize(4)
      file.close()
      #expect(disk.bytes("a") == [1, 2, 0, 0])
      let again = try await folder.openFile("a", for: .writing)
      try await again.write([9], at: 6)
      again.close()
      #expect(disk.bytes("a") == [1, 2, 0, 0, 0, 0, 9])
      let program = try await folder.openFile("b", for: .making(isExecutable: true))
      #expect(try await program.info().isExecutable)
      await expect(.tooLarge) { try await program.write([1], at: .max) }
      await expect(.tooLarge) { try await program.write([1, 2], at: UInt64(Int64.max)) }
      program.close()
      #expect(disk.isExecutable("b") && !disk.isExecutable("a"))
    }
  }

  @Test("a change of a file shows", arguments: TwoMachines.allCases)
  func changes(world: TwoMachines) async throws {
    try await withFolder(world) { disk, folder in
      disk.put([1], "a")
      let file = try await folder.openFile("a", for: .reading)
      let before = try await file.info()
      #expect(try await file.info() == before)
      // The kernel's clock for files has a grain of up to 10 ms.
      try await folder.machine.sleep(for: .milliseconds(30))
      disk.put([2], "a")
      #expect(try await file.info().modified > before.modified || world == .simulated)
      #expect(try await folder.info(of: "a") != before)
      file.close()
    }
  }

  @Test("no link is followed, and nothing is made where one stands", arguments: TwoMachines.allCases)
  func links(world: TwoMachines) async throws {
    try await withFolder(world) { disk, folder in
      disk.put([1], "secret")
      disk.makeFolder("inner")
      disk.makeLink("link", to: disk.path("secret"))
      disk.makeLink("away", to: disk.path("inner"))
      disk.makeLink("nowhere", to: disk.path("new"))
      await expect(.isLink) { _ = try await folder.openFile("link", for: .reading) }
      await expect(.isLink) { _ = try await folder.openFile("link", for: .writing) }
      await expect(.isLink) { _ = try await folder.openFolder("away") }
      await expect(.exists) { _ = try await folder.openFile("nowhere", for: .making()) }
      await expect(.exists) { try await folder.makeFolder("nowhere") }
      await expect(.exists) { try await folder.rename("secret", to: "nowhere") }
      #expect(try await folder.info(of: "link").kind == .link)
      #expect(disk.names() == ["away", "inner", "link", "nowhere", "secret"])
      // Whom this machine's user names is another matter.
      try await folder.machine.files.openFolder(at: disk.path("away")).close()
      let file = try await folder.machine.files.openFile(at: disk.path("link"))
      #expect(try await file.read(10, at: 0) == [1])
      file.close()
      try await folder.remove("link")
      #expect(disk.bytes("secret") == [1])
    }
  }

  @Test("nothing is replaced by a new name", arguments: TwoMachines.allCases)
  func renaming(world: TwoMachines) async throws {
    try await withFolder(world) { disk, folder in
      disk.put([1], "a")
      disk.put([2], "b")
      for name in ["full", "empty", "other"] { disk.makeFolder(name) }
      disk.put([3], "full/c")
      await expect(.exists) { try await folder.rename("a", to: "b") }
      await expect(.exists) { try await folder.rename("full", to: "empty") }
      await expect(.exists) { try await folder.rename("a", to: "empty") }
      await expect(.exists) { try await folder.openFile("a", for: .making()).close() }
      await expect(.exists) { try await folder.makeFolder("empty") }
      await expect(.notFound) { try await folder.rename("nobody", to: "d") }
      #expect(disk.bytes("a") == [1] && disk.bytes("b") == [2])
      try await folder.rename("a", to: "c")
      try await folder.rename("full", to: "filled")
      try await folder.sync()
      #expect(disk.tree() == ["b", "c", "empty/", "filled/", "filled/c", "other/"])
    }
  }

  @Test("a name is one name, and leads nowhere else", arguments: TwoMachines.allCases)
  func names(world: TwoMachines) async throws {
    try await withFolder(world) { disk, folder in
      disk.put([1], "a")
      let tooLong = String(repeating: "n", count: MachineLimits.nameBytes + 1)
      for name in ["", ".", "..", "../a", "/a", "a/", "a\0b", "\0", tooLong] {
        await expect(.badName) { try await folder.openFile(name, for: .making()).close() }
        await expect(.badName) { try await folder.openFile(name, for: .reading).close() }
        await expect(.badName) { try await folder.openFolder(name).close() }
        await expect(.badName) { try await folder.makeFolder(name) }
        await expect(.badName) { _ = try await folder.info(of: name) }
        await expect(.badName) { try await folder.rename("a", to: name) }
        await expect(.badName) { try await folder.rename(name, to: "b") }
        await expect(.badName) { try await folder.remove(name) }
      }
      await expect(.badName) { try await folder.machine.files.openFile(at: disk.path("a\0b")).close() }
      #expect(disk.names() == ["a"])
      let longest = String(repeating: "ü", count: 127)
      try await folder.openFile(longest, for: .making()).close()
      #expect(disk.names() == ["a", longest])
    }
  }

  @Test("a folder tells what is in it", arguments: TwoMachines.allCases)
  func listing(world: TwoMachines) async throws {
    try await withFolder(world) { disk, folder in
      #expect(try await folder.list(atMost: 10) == [])
      disk.put([1, 2], "b")
      disk.put([], "B", isExecutable: true)
      disk.makeFolder("a")
      disk.makeLink("ä", to: "b")
      disk.makePipe("p")
      let found = try await folder.list(atMost: 100)
      #expect(found.map(\.name) == ["B", "a", "b", "p", "ä"])
      #expect(found.map(\.info.kind) == [.file, .folder, .file, .other, .link])
      #expect(found.map(\.info.size) == [0, 0, 2, 0, 0])
      #expect(found.map(\.info.isExecutable) == [true, false, false, false, false])
      #expect(try await folder.list(atMost: 3).count == 3)
      let inner = try await folder.openFolder("a")
      #expect(inner.path == disk.path("a"))
      try await inner.makeFolder("deeper")
      await expect(.notEmpty) { try await folder.remove("a") }
      try await inner.remove("deeper")
      try await folder.remove("a")
      inner.close()
      try await folder.remove("p")
      #expect(disk.names() == ["B", "b", "ä"])
    }
  }

  @Test("what stands there is said, where it is not what is wanted", arguments: TwoMachines.allCases)
  func errors(world: TwoMachines) async throws {
    try await withFolder(world) { disk, folder in
      disk.put([1], "file")
      disk.makeFolder("folder")
      disk.makePipe("pipe")
      await expect(.notFound) { try await folder.openFile("nobody", for: .reading).close() }
      await expect(.notFound) { try await folder.openFile("nobody", for: .writing).close() }
      await expect(.notFound) { try await folder.openFolder("nobody").close() }
      await expect(.notFound) { _ = try await folder.info(of: "nobody") }
      await expect(.notFound) { try await folder.remove("nobody") }
      await expect(.isFolder) { try await folder.openFile("folder", for: .reading).close() }
      await expect(.isFolder) { try await folder.openFile("folder", for: .writing).close() }
      await expect(.notFolder) { try await folder.openFolder("file").close() }
      await expect(.notFile) { try await folder.openFile("pipe", for: .reading).close() }
      let files = folder.machine.files
      await expect(.notFound) { try await files.openFile(at: disk.path("nobody")).close() }
      await expect(.isFolder) { try await files.openFile(at: disk.path("folder")).close() }
      await expect(.notFolder) { try await files.openFolder(at: disk.path("file")).close() }
      await expect(.notFolder) { try await files.openFolder(at: disk.path("file/deeper")).close() }
    }
  }

  @Test("what is closed is closed, and a machine closes what was forgotten", arguments: TwoMachines.allCases)
  func closing(world: TwoMachines) async throws {
    try await withFolder(world) { disk, folder in
      let file = try await folder.openFile("a", for: .making())
      file.close()
      file.close()
      await expect(.closed) { _ = try await file.read(1, at: 0) }
      await expect(.closed) { try await file.write([1], at: 0) }
      let inner = try await folder.machine.files.openFolder(at: disk.root)
      inner.close()
      await expect(.closed) { _ = try await inner.list(atMost: 1) }
      // That the last two are closed is what `TwoMachines` looks for at the end.
      _ = try await folder.openFile("b", for: .making())
      _ = try await folder.machine.files.openFolder(at: disk.root)
    }
  }

  @Test(
    "a call ends at once when its task is cancelled, and leaves nothing open", arguments: TwoMachines.allCases
  )
  func cancelling(world: TwoMachines) async throws {
    try await withFolder(world) { disk, folder in
      disk.put([UInt8](repeating: 7, count: 1_000_000), "a")
      let machine = folder.machine
      for _ in 0..<20 {
        let opening = machine.spawn("opening") { try await folder.openFile("a", for: .reading).close() }
        opening.cancel()
        _ = await opening.result
      }
      let file = try await folder.openFile("a", for: .reading)
      let reading = machine.spawn("reading") { try await file.read(1_000_000, at: 0).count }
      try await machine.sleep(for: .microseconds(10))
      reading.cancel()
      _ = await reading.result
      file.close()
      #expect(machine.waits.waiting == [])
    }
  }

  @Test("many calls at once are all answered", arguments: TwoMachines.allCases)
  func crowd(world: TwoMachines) async throws {
    try await withFolder(world) { disk, folder in
      let machine = folder.machine
      let tasks = (0..<200).map { number in
        machine.spawn("writer \(number)") {
          let file = try await folder.openFile("\(number)", for: .making())
          try await file.write([UInt8](repeating: UInt8(number), count: 10_000), at: 0)
          file.close()
        }
      }
      for task in tasks { try await task.value }
      #expect(disk.names().count == 200 && disk.bytes("17") == [UInt8](repeating: 17, count: 10_000))
    }
  }
}

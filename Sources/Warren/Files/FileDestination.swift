import WarrenCrypto
import WarrenMachine

/// Where what is received lies: as `NAME.part` until all of it is there. Used on the machine's executor, by one session at a time.
///
/// Nothing that was there is written to: what is made is made new, and what is renamed gets a name that nothing has. A folder comes
/// as one part, in which its files have parts of their own.
final class FileDestination: @unchecked Sendable {
  private let machine: any Machine
  private let id: FileTransfer.ID
  private let manifest: FileManifest
  /// What each entry is called here.
  private let names: [String]
  /// The folder that it comes into, and the one that the note is in.
  private let base: any OpenFolder
  private let home: any OpenFolder
  private var note: FileNote

  private var folder: (entry: Int, handle: any OpenFolder)?
  private var file: (number: Int, handle: any OpenFile)?
  /// The hash of the file that is written, up to where it is right.
  private var hash = RunningHash(.sha256)
  private var hashed = FilePlace()
  /// How many files have their names, as far as this program has seen to it.
  private var completed = 0
  /// What the part was when it was left, by which it is known again.
  private var left: FileInfo?

  private init(
    _ machine: any Machine, _ id: FileTransfer.ID, _ manifest: FileManifest, _ note: FileNote,
    base: any OpenFolder, home: any OpenFolder
  ) {
    (self.machine, self.id, self.manifest, self.note) = (machine, id, manifest, note)
    (self.base, self.home) = (base, home)
    names = SafeName.names(of: manifest)
  }

  // MARK: Beginning

  /// Makes room for a transfer: an empty part, and a note of it.
  static func make(
    _ id: FileTransfer.ID, _ manifest: FileManifest, from peer: PeerID?, as name: String, in folder: String?,
    home path: String, on machine: any Machine
  ) async throws -> FileDestination {
    let (base, home) = try await open(folder, path, on: machine)
    do {
      let part = try await firstFree { number in
        let part = SafeName.numbered(name, number, isFolder: manifest.root.isFolder) + SafeName.part
        if manifest.root.isFolder {
          try await base.makeFolder(part)
        } else {
          try await base.openFile(part, for: .making(isExecutable: manifest.root.isExecutable)).close()
        }
        return part
      }
      let note = FileNote(peer: peer, manifest: manifest.digest, folder: folder, part: part, name: name)
      let file = try await home.openFile(FileNote.name(of: id), for: .making())
      defer { file.close() }
      try await file.write(note.encoded, at: 0)
      try await file.sync()
      try await home.sync()
      return FileDestination(machine, id, manifest, note, base: base, home: home)
    } catch {
      base.close()
      home.close()
      throw error
    }
  }

  /// Reads the note of a transfer that an earlier program has begun; nil where there is none that makes sense.
  static func note(of id: FileTransfer.ID, home path: String, on machine: any Machine) async throws
    -> FileNote?
  {
    let home = try await machine.files.openFolder(at: path)
    defer { home.close() }
    do {
      let file = try await home.openFile(FileNote.name(of: id), for: .reading)
      defer { file.close() }
      if let note = FileNote(try await file.read(FileLimits.noteBytes, at: 0)) { return note }
    } catch let error as FileError where error.code == .notFound {
      return nil
    }
    // It was not written to its end: what it was of never began.
    try await home.remove(FileNote.name(of: id))
    return nil
  }

  /// Goes on with what a note tells of.
  static func resume(
    _ id: FileTransfer.ID, _ manifest: FileManifest, _ note: FileNote, home path: String,
    on machine: any Machine
  ) async throws -> FileDestination {
    let (base, home) = try await open(note.folder, path, on: machine)
    return FileDestination(machine, id, manifest, note, base: base, home: home)
  }

  private static func open(
    _ folder: String?, _ home: String, on machine: any Machine
  ) async throws -> (any OpenFolder, any OpenFolder) {
    let base = try await machine.files.openFolder(at: folder ?? home)
    do {
      return (base, try await machine.files.openFolder(at: home))
    } catch {
      base.close()
      throw error
    }
  }

  /// Tries numbers until one is of a name that nothing has.
  private static func firstFree(_ body: (Int) async throws -> String) async throws -> String {
    var number = 0
    while true {
      do {
        return try await body(number)
      } catch let error as FileError where error.code == .exists && number < FileLimits.namesTried {
        number += 1
      }
    }
  }

  // MARK: Going on

  /// Up to where everything is there, and the hash of the file there.
  func place() async throws -> (FilePlace, digest: [UInt8]) {
    if let file, let left, try await file.handle.info() == left { return (hashed, hash.value) }
    closeFile()
    if note.isComplete, try await info(of: note.part, in: base) == nil {
      return (FilePlace(file: manifest.files.count), hash.value)
    }
    var number = completed
    if manifest.root.isFolder { while try await isComplete(number) { number += 1 } }
    completed = number
    (hash, hashed) = (RunningHash(.sha256), FilePlace(file: number))
    guard number < manifest.files.count else { return (hashed, hash.value) }
    try await hashPart(of: number)
    return (hashed, hash.value)
  }

  private func isComplete(_ number: Int) async throws -> Bool {
    guard number < manifest.files.count else { return false }
    let entry = manifest.files[number]
    guard let info = try await info(of: names[entry], in: try await folder(of: entry)) else { return false }
    return info.kind == .file && info.size == manifest.entries[entry].size
  }

  /// Computes the hash of what is there of a file, up to where it can go on.
  private func hashPart(of number: Int) async throws {
    let entry = manifest.files[number]
    let folder = try await folder(of: entry)
    guard let info = try await info(of: part(of: entry), in: folder), info.kind == .file else { return }
    let (size, block) = (manifest.size(ofFile: number), UInt64(FileLimits.blockBytes))
    // What is too long is no part of this file.
    guard info.size <= size else { return }
    let end = info.size == size ? size : info.size / block * block
    let handle = try await folder.openFile(part(of: entry), for: .writing)
    file = (number, handle)
    while hashed.offset < end {
      let hash = hash
      let bytes = try await handle.read(Int(min(block, end - hashed.offset)), at: hashed.offset) {
        hash.add($0)
      }
      guard !bytes.isEmpty else { throw FileError(.broken, handle.path) }
      hashed.offset += UInt64(bytes.count)
    }
  }

  // MARK: Writing

  /// Makes a file ready to go on there, and forgets what stood behind.
  func begin(_ place: FilePlace) async throws {
    let entry = manifest.files[place.file]
    if file?.number != place.file {
      closeFile()
      let folder = try await folder(of: entry)
      let name = part(of: entry)
      let isThere = try await info(of: name, in: folder) != nil
      let use = isThere ? FileUse.writing : .making(isExecutable: manifest.entries[entry].isExecutable)
      file = (place.file, try await folder.openFile(name, for: use))
    }
    if hashed != place {
      precondition(place.offset == 0, "a file goes on where it was, or from its beginning")
      (hash, hashed) = (RunningHash(.sha256), place)
    }
    left = nil
    try await file!.handle.setSize(place.offset)
  }

  /// Begins to write bytes behind those that are there.
  ///
  /// - Returns: what comes to the hash of the file up to their end.
  func write(_ bytes: [UInt8], _ place: FilePlace) -> Task<[UInt8], any Error> {
    precondition(place == hashed, "a file is written from its beginning to its end")
    let (handle, hash) = (file!.handle, hash)
    hashed.offset += UInt64(bytes.count)
    return machine.spawn("writing") {
      try await handle.write(bytes, at: place.offset) { hash.add($0) }
      return hash.value
    }
  }

  /// Has a file last. One in a folder gets its name there; one that came alone has it when everything is there.
  func complete(_ number: Int) async throws {
    let entry = manifest.files[number]
    try await file!.handle.sync()
    closeFile()
    guard entry != 0 else { return }
    try await folder(of: entry).rename(part(of: entry), to: names[entry])
    completed = number + 1
  }

  /// Gives what has come its name.
  ///
  /// - Returns: where it is.
  func finish() async throws -> String {
    // It has its name already, as an earlier program has seen to; which of those that it tried, nobody knows any more.
    if note.isComplete, try await info(of: note.part, in: base) == nil { return base.path(of: note.name) }
    if manifest.root.isFolder {
      // Those that are empty are not there yet; of the others, the names in them are to last.
      for entry in manifest.entries.indices where manifest.entries[entry].isFolder {
        try await openFolder(entry).sync()
      }
      closeFolder()
    }
    let handle = try await home.openFile(FileNote.name(of: id), for: .writing)
    defer { handle.close() }
    try await handle.write(FileNote.complete, at: FileNote.completeOffset)
    try await handle.sync()
    note.isComplete = true
    let name = try await Self.firstFree { number in
      let name = SafeName.numbered(note.name, number, isFolder: manifest.root.isFolder)
      try await base.rename(note.part, to: name)
      return name
    }
    try await base.sync()
    return base.path(of: name)
  }

  // MARK: Ending

  /// The other side knows that everything is there, or will never ask again.
  func forget() async throws { try await home.remove(FileNote.name(of: id)) }

  /// The same of a transfer that is over.
  static func forget(_ id: FileTransfer.ID, home path: String, on machine: any Machine) async throws {
    let home = try await machine.files.openFolder(at: path)
    defer { home.close() }
    try await home.remove(FileNote.name(of: id))
  }

  /// Takes away what has come of it, and nothing else.
  func discard() async throws {
    closeFile()
    if manifest.root.isFolder, !note.isComplete {
      for entry in manifest.entries.indices.reversed() where entry != 0 { await remove(entry) }
    }
    closeFolder()
    if !note.isComplete { try? await base.remove(note.part) }
    try await forget()
  }

  /// What is not there, or has something in it that is not ours, stays as it is.
  private func remove(_ entry: Int) async {
    guard let folder = try? await existingFolder(of: entry) else { return }
    if !manifest.entries[entry].isFolder, (try? await folder.remove(part(of: entry))) != nil { return }
    try? await folder.remove(names[entry])
  }

  /// Leaves the file as it is, to be known again when it goes on.
  func rest() async {
    left = try? await file?.handle.info()
    closeFolder()
  }

  /// Closes what is open.
  func close() {
    closeFile()
    closeFolder()
    base.close()
    home.close()
  }

  // MARK: Files and folders

  private func part(of entry: Int) -> String { entry == 0 ? note.part : names[entry] + SafeName.part }

  private func info(of name: String, in folder: any OpenFolder) async throws -> FileInfo? {
    do {
      return try await folder.info(of: name)
    } catch let error as FileError where error.code == .notFound {
      return nil
    }
  }

  /// The folder that an entry is in.
  private func folder(of entry: Int) async throws -> any OpenFolder {
    entry == 0 ? base : try await openFolder(manifest.entries[entry].parent)
  }

  private func existingFolder(of entry: Int) async throws -> any OpenFolder {
    try await openFolder(manifest.entries[entry].parent, making: false)
  }

  /// Opens the folder of an entry, from the part downwards, and makes what is not there.
  private func openFolder(_ entry: Int, making: Bool = true) async throws -> any OpenFolder {
    if let folder, folder.entry == entry { return folder.handle }
    closeFolder()
    var way: [Int] = []
    var next = entry
    while next != 0 {
      way.append(next)
      next = manifest.entries[next].parent
    }
    var handle = try await base.openFolder(note.part)
    while let inner = way.popLast() {
      let outer = handle
      defer { outer.close() }
      if making, try await info(of: names[inner], in: outer) == nil {
        try await outer.makeFolder(names[inner])
      }
      handle = try await outer.openFolder(names[inner])
    }
    folder = (entry, handle)
    return handle
  }

  private func closeFile() {
    file?.handle.close()
    (file, left) = (nil, nil)
  }

  private func closeFolder() {
    folder?.handle.close()
    folder = nil
  }
}

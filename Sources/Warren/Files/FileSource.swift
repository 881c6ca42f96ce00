import WarrenCrypto
import WarrenMachine

/// What is sent, on the disk that it is read from. Used on the machine's executor, by one session at a time.
final class FileSource: @unchecked Sendable {
  let machine: any Machine
  let manifest: FileManifest
  /// What in the folder is neither a file nor a folder, and so is not sent.
  let skipped: [String]
  private let path: String
  /// What each entry was when it was offered.
  private let infos: [FileInfo]

  private var folder: (entry: Int, handle: any OpenFolder)?
  private var file: (number: Int, handle: any OpenFile)?
  /// The hash of the file that is read, up to where the next bytes are.
  private var hash = RunningHash(.sha256)
  private var hashed = FilePlace()
  /// The hashes up to where the other side may say that it is.
  private var marks: [(place: FilePlace, hash: RunningHash)] = []
  /// The next bytes, which are read while these are sent.
  private var ahead: (place: FilePlace, bytes: Task<[UInt8], any Error>)?

  private init(
    _ machine: any Machine, _ path: String, _ manifest: FileManifest, _ infos: [FileInfo], skipped: [String]
  ) {
    (self.machine, self.path, self.manifest, self.infos) = (machine, path, manifest, infos)
    self.skipped = skipped
  }

  // MARK: Looking through it

  /// Looks what there is to send.
  ///
  /// - Throws: a ``FileError``, or a ``FileTransferError`` where there is too much of it.
  static func look(at path: String, as name: String?, on machine: any Machine) async throws -> FileSource {
    let own = path.split(separator: "/").last.map(String.init) ?? "files"
    let name = name.map { SafeName.made(of: $0) } ?? (own == "." || own == ".." ? "files" : own)
    do {
      let file = try await machine.files.openFile(at: path)
      defer { file.close() }
      let info = try await file.info()
      let entry = FileManifest.Entry(
        name: name, kind: .file(size: info.size, isExecutable: info.isExecutable))
      return FileSource(machine, path, try FileManifest([entry]), [info], skipped: [])
    } catch let error as FileError where error.code == .isFolder {
      return try await lookThrough(path, as: name, on: machine)
    }
  }

  private static func lookThrough(
    _ path: String, as name: String, on machine: any Machine
  ) async throws -> FileSource {
    var entries = [FileManifest.Entry(name: name, kind: .folder)]
    var infos = [FileInfo(.folder)]
    var skipped: [String] = []
    var next = 0
    while next < entries.count {
      defer { next += 1 }
      guard entries[next].isFolder else { continue }
      let folder = try await open(next, of: entries, at: path, on: machine)
      defer { folder.close() }
      for found in try await folder.list(atMost: FileLimits.entries + 1) {
        let kind: FileManifest.Entry.Kind
        switch found.info.kind {
        case .file: kind = .file(size: found.info.size, isExecutable: found.info.isExecutable)
        case .folder: kind = .folder
        case .link, .other:
          skipped.append(folder.path(of: found.name))
          continue
        }
        entries.append(FileManifest.Entry(name: found.name, parent: next, kind: kind))
        infos.append(found.info)
      }
      try FileManifest.check(entries.count)
    }
    return FileSource(machine, path, try FileManifest(entries), infos, skipped: skipped)
  }

  /// Opens the folder of an entry, from the one that was named downwards.
  private static func open(
    _ entry: Int, of entries: [FileManifest.Entry], at path: String, on machine: any Machine
  ) async throws -> any OpenFolder {
    var names: [String] = []
    var place = entry
    while place > 0 {
      names.append(entries[place].name)
      place = entries[place].parent
    }
    guard names.count <= FileLimits.depth else {
      throw FileTransferError(.tooLarge, "folders are more than \(FileLimits.depth) deep: pack them first")
    }
    var folder = try await machine.files.openFolder(at: path)
    while let name = names.popLast() {
      let outer = folder
      defer { outer.close() }
      folder = try await outer.openFolder(name)
    }
    return folder
  }

  // MARK: Reading

  /// The hash of a file up to there.
  func digest(upTo place: FilePlace) async throws -> [UInt8] {
    if let mark = marks.last(where: { $0.place == place }) {
      // Where it stands still, the file that was read is the file that is there.
      _ = try await open(place.file)
      (hash, hashed) = (mark.hash.copy(), place)
      return hash.value
    }
    begin(FilePlace(file: place.file))
    while hashed < place {
      let count = Int(min(UInt64(FileLimits.blockBytes), place.offset - hashed.offset))
      _ = try await read(hashed, count: count)
      // Of all of these only the last is asked for.
      marks.removeAll { $0.place < hashed }
    }
    return hash.value
  }

  /// The next bytes of a file, and the hash of it up to their end.
  func read(_ place: FilePlace, count: Int) async throws -> (bytes: [UInt8], digest: [UInt8]) {
    if place != hashed {
      precondition(place.offset == 0, "a file is read from its beginning, or where it was checked up to")
      begin(place)
    }
    let reading = ahead?.place == place ? ahead!.bytes : try await startReading(place, count)
    ahead = nil
    let bytes = try await reading.value
    guard bytes.count == count else { throw changed(place.file) }
    let end = FilePlace(file: place.file, offset: place.offset + UInt64(count))
    hashed = end
    let digest = hash.value
    marks.append((end, hash.copy()))
    if marks.count > FileLimits.marks { marks.removeFirst() }
    let rest = manifest.size(ofFile: place.file) - end.offset
    if rest > 0 {
      ahead = (end, try await startReading(end, Int(min(UInt64(FileLimits.blockBytes), rest))))
    } else {
      try await expectUnchanged(place.file)
    }
    return (bytes, digest)
  }

  private func begin(_ place: FilePlace) {
    ahead = nil
    marks = []
    (hash, hashed) = (RunningHash(.sha256), place)
  }

  private func startReading(_ place: FilePlace, _ count: Int) async throws -> Task<[UInt8], any Error> {
    let file = try await open(place.file)
    let hash = hash
    return machine.spawn("reading ahead") {
      try await file.read(count, at: place.offset) { hash.add($0) }
    }
  }

  /// The other side has everything up to there: it will not ask for what was before.
  func verified(_ place: FilePlace) { marks.removeAll { $0.place < place } }

  private func open(_ number: Int) async throws -> any OpenFile {
    if let file, file.number == number { return file.handle }
    closeFile()
    let entry = manifest.files[number]
    let handle: any OpenFile
    if entry == 0 {
      handle = try await machine.files.openFile(at: path)
    } else {
      handle = try await folder(of: entry).openFile(manifest.entries[entry].name, for: .reading)
    }
    file = (number, handle)
    try await expectUnchanged(number)
    return handle
  }

  private func folder(of entry: Int) async throws -> any OpenFolder {
    let parent = manifest.entries[entry].parent
    if let folder, folder.entry == parent { return folder.handle }
    folder?.handle.close()
    folder = nil
    let opened = try await Self.open(parent, of: manifest.entries, at: path, on: machine)
    folder = (parent, opened)
    return opened
  }

  private func expectUnchanged(_ number: Int) async throws {
    guard let file else { return }
    let (info, before) = (try await file.handle.info(), infos[manifest.files[number]])
    guard info.size == before.size, info.modified == before.modified else { throw changed(number) }
  }

  private func changed(_ number: Int) -> FileTransferError {
    let name = manifest.entries[manifest.files[number]].name
    return FileTransferError(
      .changed, "\(quoted(name)) was changed while it was sent: send it again when nobody writes to it")
  }

  private func closeFile() {
    ahead = nil
    file?.handle.close()
    file = nil
  }

  /// Closes what is open. What was computed stays, for when it goes on.
  func rest() {
    closeFile()
    folder?.handle.close()
    folder = nil
    // What was read and never used has been hashed.
    hashed = FilePlace(file: -1)
  }
}

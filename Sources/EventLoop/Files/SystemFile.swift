import Glibc
import WarrenMachine

/// The system's calls for files, each of which may block: for threads of the pool alone.
enum SystemFile {
  static func openFolder(
    _ folder: Int32, _ name: String, followsLinks: Bool, _ path: String
  ) throws(FileError) -> Int32 {
    let file = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (followsLinks ? 0 : O_NOFOLLOW))
    if file >= 0 { return file }
    let code = errno
    // For a link as for a file, Linux says that it is no folder.
    if !followsLinks, code == ENOTDIR, (try? info(of: name, in: folder, path))?.kind == .link {
      throw FileError(.isLink, path)
    }
    throw FileError(code, path)
  }

  static func openFile(
    _ folder: Int32, _ name: String, _ use: FileUse, followsLinks: Bool, _ path: String
  ) throws(FileError) -> Int32 {
    // A pipe that nobody writes would be waited for without end.
    var flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (followsLinks ? 0 : O_NOFOLLOW)
    var mode: mode_t = 0o666
    switch use {
    case .reading: flags |= O_RDONLY
    case .writing: flags |= O_RDWR
    case .making(let isExecutable):
      flags |= O_RDWR | O_CREAT | O_EXCL
      if isExecutable { mode = 0o777 }
    }
    let file = openat(folder, name, flags, mode)
    guard file >= 0 else { throw FileError(errno, path) }
    do throws(FileError) {
      switch try info(of: file, path).kind {
      case .file: return file
      case .folder: throw FileError(.isFolder, path)
      case .link, .other: throw FileError(.notFile, path)
      }
    } catch {
      close(file)
      throw error
    }
  }

  /// Throws what the system has just said, where it says that something went wrong.
  static func check(_ result: Int32, _ path: String) throws(FileError) {
    if result != 0 { throw FileError(errno, path) }
  }

  static func read(_ file: Int32, _ count: Int, at offset: UInt64, _ path: String) throws(FileError)
    -> [UInt8]
  {
    // No file reaches beyond what the system can count.
    guard let start = off_t(exactly: offset), !start.addingReportingOverflow(count).overflow else {
      return []
    }
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { memory, filled in
      while filled < count {
        let taken = pread(file, memory.baseAddress! + filled, count - filled, start + filled)
        if taken > 0 { filled += taken }
        if taken == 0 { break }
        if taken < 0, errno != EINTR {
          failure = errno
          break
        }
      }
    }
    if failure != 0 { throw FileError(failure, path) }
    return bytes
  }

  static func write(_ file: Int32, _ bytes: [UInt8], at offset: UInt64, _ path: String) throws(FileError) {
    guard let start = off_t(exactly: offset), !start.addingReportingOverflow(bytes.count).overflow else {
      throw FileError(.tooLarge, path)
    }
    let failure: Int32 = bytes.withUnsafeBytes { memory in
      var written = 0
      while written < memory.count {
        let taken = pwrite(file, memory.baseAddress! + written, memory.count - written, start + written)
        if taken > 0 { written += taken }
        // Whoever takes nothing has no room.
        if taken == 0 { return ENOSPC }
        if taken < 0, errno != EINTR { return errno }
      }
      return 0
    }
    if failure != 0 { throw FileError(failure, path) }
  }

  static func info(of file: Int32, _ path: String) throws(FileError) -> FileInfo {
    var status = stat()
    try check(fstat(file, &status), path)
    return FileInfo(status)
  }

  static func info(of name: String, in folder: Int32, _ path: String) throws(FileError) -> FileInfo {
    var status = stat()
    try check(fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW), path)
    return FileInfo(status)
  }

  static func list(_ folder: Int32, atMost limit: Int, _ path: String) throws(FileError) -> [FolderEntry] {
    // Another descriptor, since reading a folder has a place in it.
    let own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard own >= 0, let directory = fdopendir(own) else { throw FileError(errno, path) }
    defer { closedir(directory) }
    var entries: [FolderEntry] = []
    while entries.count < limit {
      errno = 0
      guard let entry = readdir(directory) else {
        if errno != 0 { throw FileError(errno, path) }
        break
      }
      let (name, isText) = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
          (String(cString: $0), String(validatingCString: $0) != nil)
        }
      }
      if name == "." || name == ".." { continue }
      guard isText else {
        entries.append(FolderEntry(name: name, info: FileInfo(.other)))
        continue
      }
      // What has gone meanwhile is not there.
      guard let info = try? info(of: name, in: folder, path) else { continue }
      entries.append(FolderEntry(name: name, info: info))
    }
    // The bytes' order, which every system has.
    return entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }
}

extension FileInfo {
  fileprivate init(_ status: stat) {
    let kind: Kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .folder
      case S_IFLNK: .link
      default: .other
      }
    self.init(
      kind, size: kind == .file ? UInt64(clamping: status.st_size) : 0,
      isExecutable: kind == .file && status.st_mode & S_IXUSR != 0,
      modified: .seconds(status.st_mtim.tv_sec) + .nanoseconds(status.st_mtim.tv_nsec))
  }
}

extension FileError {
  /// What error `code` means for a file.
  init(_ code: Int32, _ path: String) {
    let meaning: Code =
      switch code {
      case ENOENT: .notFound
      case EEXIST: .exists
      case EACCES, EPERM: .notPermitted
      case ELOOP: .isLink
      case EISDIR: .isFolder
      case ENOTDIR: .notFolder
      case ENXIO, ENODEV: .notFile
      case ENOTEMPTY: .notEmpty
      case ENOSPC, EDQUOT: .diskFull
      case EFBIG, EOVERFLOW: .tooLarge
      case EROFS: .readOnly
      case ENAMETOOLONG, EILSEQ: .badName
      case EIO: .broken
      case EMFILE, ENFILE, ENOMEM: .outOfResources
      default: .system(code, String(cString: strerror(code)))
      }
    self.init(meaning, path)
  }
}

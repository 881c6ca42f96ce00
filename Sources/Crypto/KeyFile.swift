#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension PrivateKey {
  /// The key in the file at `path`: in PEM, as `openssl genpkey -algorithm ed25519` writes it.
  ///
  /// The file must belong to the user who runs the program, and nobody else may have any permission for it.
  public convenience init(readingFile path: String) throws(KeyFileError) {
    self.init(seed: try KeyFile.seed(at: path))
  }

  /// Writes the key to a new file at `path`, for its owner's eyes only; throws ``KeyFileError/exists(_:)`` when there
  /// is something.
  ///
  /// The file is whole as soon as it is there. Whatever fails before leaves nothing behind; when only the last step
  /// fails, making it outlast a loss of power, the file stays, since somebody may use it by now.
  public func write(toFile path: String) throws(KeyFileError) { try KeyFile.create(path, seed) }

  /// The key in the file at `path`, or a new one that is written there, drawn from `random`.
  ///
  /// Programs that start at once end up with the same key.
  public convenience init(
    fileOrNew path: String, using random: inout some RandomNumberGenerator
  ) throws(KeyFileError) {
    self.init(seed: try KeyFile.seedOrNew(at: path, using: &random))
  }
}

/// The files that keys are kept in: they are their owner's alone, there whole or not at all, and never replaced.
enum KeyFile {
  static func seedOrNew(
    at path: String, using random: inout some RandomNumberGenerator
  ) throws(KeyFileError) -> WipedBytes {
    var last = KeyFileError.notFound(path)
    for _ in 0..<CryptoLimits.keyFileRounds {
      do throws(KeyFileError) { return try seed(at: path) } catch {
        guard case .notFound = error else { throw error }
      }
      do throws(KeyFileError) {
        let new = PrivateKey.newSeed(using: &random)
        try create(path, new)
        return new
      } catch {
        guard case .exists = error else { throw error }
        last = error
      }
    }
    throw last
  }

  // MARK: Reading

  static func seed(at path: String) throws(KeyFileError) -> WipedBytes {
    guard !path.isEmpty, !path.utf8.contains(0) else { throw .badPath(path) }
    // Without waiting for whoever writes to a pipe, and without following a link.
    let file = retrying { open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY) }
    guard file >= 0 else {
      switch errno {
      case ENOENT: throw .notFound(path)
      case ELOOP, ENXIO: throw .notAFile(path)
      default: throw failure("opening", path)
      }
    }
    defer { close(file) }
    try check(file, path)
    let text = try content(of: file, path)
    return try text.withBytes { text throws(KeyFileError) in
      if let seed = KeyEncoding.seed(inPEM: text) { return seed }
      switch KeyEncoding.other(inPEM: text) {
      case .encrypted: throw .encrypted(path)
      case .otherKind(let kind): throw .notEd25519(path, kind: kind)
      case .unknown: throw .notAKey(path)
      }
    }
  }

  /// Asks about the open file and not about its path, which may lead to another one by now.
  private static func check(_ file: Int32, _ path: String) throws(KeyFileError) {
    var status = stat()
    guard fstat(file, &status) == 0 else { throw failure("looking at", path) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile(path) }
    guard status.st_uid == geteuid() else { throw .notOurs(path, owner: status.st_uid) }
    let mode = UInt32(status.st_mode & 0o7777)
    guard mode & 0o077 == 0 else { throw .openToOthers(path, mode: mode) }
  }

  private static func content(of file: Int32, _ path: String) throws(KeyFileError) -> WipedBytes {
    // One byte more than there may be: its size may have been another when it was asked for.
    let content = try WipedBytes(capacity: CryptoLimits.keyFileBytes + 1) { memory throws(KeyFileError) in
      var count = 0
      while count < memory.count {
        let got = retrying { read(file, memory.baseAddress! + count, memory.count - count) }
        guard got >= 0 else { throw failure("reading", path) }
        if got == 0 { break }
        count += got
      }
      return count
    }
    guard content.count <= CryptoLimits.keyFileBytes else { throw .tooLarge(path) }
    return content
  }

  // MARK: Writing

  static func create(_ path: String, _ seed: WipedBytes) throws(KeyFileError) {
    let start =
      path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path.utf8.index(after: $0) } ?? path.startIndex
    let name = String(path[start...])
    guard !["", ".", ".."].contains(name), !path.utf8.contains(0) else { throw .badPath(path) }
    // Everything happens in this one folder, whatever is moved meanwhile.
    let folder = retrying {
      open(start == path.startIndex ? "." : String(path[..<start]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    guard folder >= 0 else {
      throw errno == ENOENT || errno == ENOTDIR ? .noFolder(path) : failure("opening the folder of", path)
    }
    defer { close(folder) }
    try place(KeyEncoding.pem(of: seed), in: folder, name: name, path)
    guard fsync(folder) == 0 else { throw failure("saving the folder of", path) }
  }

  /// Writes a temporary file and then gives it its name, which fails when there is such a file.
  private static func place(
    _ content: WipedBytes, in folder: Int32, name: String, _ path: String
  ) throws(KeyFileError) {
    let (file, temporary) = try makeTemporary(in: folder, path)
    defer {
      unlinkat(folder, temporary, 0)
      close(file)
    }
    try content.withBytes { content throws(KeyFileError) in
      var count = 0
      while count < content.byteCount {
        let put = content.withUnsafeBytes { content in
          retrying { write(file, content.baseAddress! + count, content.count - count) }
        }
        guard put >= 0 else { throw failure("writing", path) }
        count += put
      }
    }
    // The mask of the process may have taken permissions away from the owner, too.
    guard fchmod(file, 0o600) == 0 else { throw failure("closing to others", path) }
    guard fsync(file) == 0 else { throw failure("saving", path) }
    guard linkat(folder, temporary, folder, name, 0) == 0 else {
      throw errno == EEXIST ? .exists(path) : failure("naming", path)
    }
  }

  private static func makeTemporary(
    in folder: Int32, _ path: String
  ) throws(KeyFileError) -> (file: Int32, name: String) {
    for number in 0..<CryptoLimits.temporaryNames {
      let name = ".warren-key-\(getpid())-\(number)"
      let file = retrying {
        openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
      }
      if file >= 0 { return (file, name) }
      guard errno == EEXIST else { break }
    }
    throw failure("writing", path)
  }

  // MARK: The system

  /// Does it again as long as a signal comes between.
  private static func retrying<Number: FixedWidthInteger>(_ call: () -> Number) -> Number {
    while true {
      let result = call()
      if result >= 0 || errno != EINTR { return result }
    }
  }

  /// The error that the system has just reported.
  private static func failure(_ action: String, _ path: String) -> KeyFileError {
    switch errno {
    case EACCES, EPERM, EROFS: .permissionDenied(doing: action, path)
    case let code: .system(doing: action, path, code: code, reason: String(cString: strerror(code)))
    }
  }
}

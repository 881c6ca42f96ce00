/// A folder that is open: what is in it is named from here, so that nobody can put another folder in its place meanwhile.
///
/// No link is followed, and a name is one name: no way to elsewhere. It stays open until it is closed, or its machine is.
public protocol OpenFolder: AnyObject, Sendable {
  /// Whose it is.
  var machine: any Machine { get }
  /// Where it was found, for people.
  var path: String { get }

  /// Opens a folder in it.
  func openFolder(_ name: String, _ wait: Wait<any OpenFolder>)
  /// Opens a file in it, or makes one.
  func openFile(_ name: String, for use: FileUse, _ wait: Wait<any OpenFile>)
  /// Makes an empty folder in it, where nothing has that name.
  func makeFolder(_ name: String, _ wait: Wait<Void>)
  /// What something in it is.
  func info(of name: String, _ wait: Wait<FileInfo>)
  /// What is in it, by name; the first so many, where there are more.
  func list(atMost limit: Int, _ wait: Wait<[FolderEntry]>)
  /// Gives something in it another name, which nothing has yet.
  func rename(_ name: String, to newName: String, _ wait: Wait<Void>)
  /// Takes a file, a link or an empty folder away.
  func remove(_ name: String, _ wait: Wait<Void>)
  /// Sees to it that names in it last, whatever happens to the machine.
  func sync(_ wait: Wait<Void>)
  /// Closes it, once what was begun is done.
  func close()
}

/// What a file is opened for.
public enum FileUse: Hashable, Sendable {
  /// One that is there is read.
  case reading
  /// One that is there is read and written.
  case writing
  /// A new one is read and written; it is refused where something has its name.
  case making(isExecutable: Bool = false)
}

/// Something in a folder.
public struct FolderEntry: Hashable, Sendable {
  /// What it is called; where that is no UTF-8, nearly, and it cannot be opened by it.
  public var name: String
  /// What it is.
  public var info: FileInfo

  /// An entry.
  public init(name: String, info: FileInfo) { (self.name, self.info) = (name, info) }
}

// MARK: Waiting

extension OpenFolder {
  /// Where something in it is, for people.
  public func path(of name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }

  /// Opens a folder in it.
  public func openFolder(_ name: String) async throws -> any OpenFolder {
    let path = path(of: name)
    return try await machine.suspend({ "open the folder \(quoted(path))" }) { openFolder(name, $0) }
  }

  /// Opens a file in it, or makes one.
  public func openFile(_ name: String, for use: FileUse) async throws -> any OpenFile {
    let path = path(of: name)
    return try await machine.suspend({ "open \(quoted(path))" }) { openFile(name, for: use, $0) }
  }

  /// Makes an empty folder in it, where nothing has that name.
  public func makeFolder(_ name: String) async throws {
    let path = path(of: name)
    try await machine.suspend({ "make the folder \(quoted(path))" }) { makeFolder(name, $0) }
  }

  /// What something in it is.
  public func info(of name: String) async throws -> FileInfo {
    let path = path(of: name)
    return try await machine.suspend({ "look at \(quoted(path))" }) { info(of: name, $0) }
  }

  /// What is in it, by name; the first so many, where there are more.
  public func list(atMost limit: Int) async throws -> [FolderEntry] {
    let path = path
    return try await machine.suspend({ "list \(quoted(path))" }) { list(atMost: limit, $0) }
  }

  /// Gives something in it another name, which nothing has yet.
  public func rename(_ name: String, to newName: String) async throws {
    let path = path(of: name)
    try await machine.suspend({ "rename \(quoted(path))" }) { rename(name, to: newName, $0) }
  }

  /// Takes a file, a link or an empty folder away.
  public func remove(_ name: String) async throws {
    let path = path(of: name)
    try await machine.suspend({ "remove \(quoted(path))" }) { remove(name, $0) }
  }

  /// Sees to it that names in it last, whatever happens to the machine.
  public func sync() async throws {
    let path = path
    try await machine.suspend({ "sync \(quoted(path))" }) { sync($0) }
  }
}

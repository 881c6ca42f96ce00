/// The files of a machine, by the paths that its user knows them by.
///
/// Used on the machine's executor alone, as everything of a machine. No call blocks: each ends its wait.
public protocol FileSystem: AnyObject, Sendable {
  /// Whose files they are.
  var machine: any Machine { get }
  /// Opens a folder. Links that lead there are followed, since it is this machine's user who names it.
  func openFolder(at path: String, _ wait: Wait<any OpenFolder>)
  /// Opens a file to be read, through whatever links.
  func openFile(at path: String, _ wait: Wait<any OpenFile>)
}

extension FileSystem {
  /// Opens a folder. Links that lead there are followed, since it is this machine's user who names it.
  public func openFolder(at path: String) async throws -> any OpenFolder {
    try await machine.suspend({ "open the folder \(quoted(path))" }) { openFolder(at: path, $0) }
  }

  /// Opens a file to be read, through whatever links.
  public func openFile(at path: String) async throws -> any OpenFile {
    try await machine.suspend({ "open \(quoted(path))" }) { openFile(at: path, $0) }
  }
}

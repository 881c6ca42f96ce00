/// What went wrong with a file or folder.
public struct FileError: Error, Hashable, Sendable {
  /// What went wrong.
  public enum Code: Hashable, Sendable {
    /// Nothing is there.
    case notFound
    /// Something is there already.
    case exists
    /// The system does not let this program do it.
    case notPermitted
    /// A symbolic link stands there, and none is followed.
    case isLink
    /// A folder stands there, and a file is wanted.
    case isFolder
    /// Something else stands there than a folder, and a folder is wanted.
    case notFolder
    /// A device, a pipe or a socket stands there, and a file is wanted.
    case notFile
    /// The folder has something in it.
    case notEmpty
    /// The disk is full, or this user's share of it.
    case diskFull
    /// The file is larger than the file system can have.
    case tooLarge
    /// The disk can only be read.
    case readOnly
    /// The name is no name: it is empty, too long, or a way to elsewhere.
    case badName
    /// The disk does not do what it should.
    case broken
    /// The process or the system has no descriptor or memory left.
    case outOfResources
    /// This program has closed it.
    case closed
    /// Anything else that the system says.
    case system(Int32, String)
  }

  /// What went wrong.
  public var code: Code
  /// With what.
  public var path: String

  /// An error.
  public init(_ code: Code, _ path: String) { (self.code, self.path) = (code, path) }
}

extension FileError: CustomStringConvertible {
  /// What went wrong and what to do about it.
  public var description: String {
    let path = quoted(path, limit: 200)
    return switch code {
    case .notFound: "\(path) is not there"
    case .exists: "\(path) is there already: choose another name"
    case .notPermitted: "no permission for \(path): see who owns it, and the folder that it is in"
    case .isLink: "\(path) is a symbolic link, and none is followed there: remove it"
    case .isFolder: "\(path) is a folder, and no file"
    case .notFolder: "\(path) is no folder"
    case .notFile: "\(path) is neither a file nor a folder"
    case .notEmpty: "\(path) is not empty"
    case .diskFull: "the disk is full, or this user's share of it: make room for \(path)"
    case .tooLarge: "\(path) would be larger than its file system can have"
    case .readOnly: "\(path) is on a disk that can only be read"
    case .badName: "\(path) is not a name that a file can have"
    case .broken: "the disk fails at \(path): look at the system's log"
    case .outOfResources:
      "the system has nothing left for \(path): close what is no longer used, or raise its limits (ulimit -n)"
    case .closed: "\(path) is closed"
    case .system(let number, let reason): "\(path): \(reason) (error \(number))"
    }
  }
}

extension FileError {
  /// Refuses what is no name of something in a folder, whatever the system would make of it.
  package static func check(name: String, in folder: String) throws(FileError) {
    let bytes = name.utf8
    let isName =
      !bytes.isEmpty && bytes.count <= MachineLimits.nameBytes && name != "." && name != ".."
      && !bytes.contains { $0 == 0 || $0 == UInt8(ascii: "/") }
    guard isName else { throw FileError(.badName, "\(folder)/\(name)") }
  }

  /// Refuses what is no path: what stands behind a NUL the system would not see.
  package static func check(path: String) throws(FileError) {
    guard !path.isEmpty, !path.utf8.contains(0) else { throw FileError(.badName, path) }
  }
}

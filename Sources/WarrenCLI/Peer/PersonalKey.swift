import Warren
import WarrenTerminal

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The keys of the person who runs this, in a folder of theirs: `warren.pem`, and for every other program that runs at the same time
/// another one, since two that have one key would take each other's place at the registry.
struct PersonalKey {
  /// How many programs of one person have keys that stay.
  static let most = 64

  let key: PrivateKey
  let path: String

  /// Where the first one is.
  static func firstPath() throws -> String { path(1, in: try folder()) }

  /// Where they lie; it is made where it is missing.
  static func folder() throws -> String {
    let folder = try PersonalFolders(of: "warren").data
    try PersonalFolders.make(folder)
    return folder
  }

  private static func path(_ number: Int, in folder: String) -> String {
    "\(folder)/warren\(number == 1 ? "" : "-\(number)").pem"
  }

  /// The first one that no other program uses; it is this one's until it ends.
  static func take(for machine: any Machine) throws -> PersonalKey {
    let folder = try folder()
    for number in 1...most {
      let path = path(number, in: folder)
      let key = try PrivateKey(fileOrNew: path, on: machine)
      if isTaken(path) { return PersonalKey(key: key, path: path) }
    }
    throw KeyFileError.system(
      doing: "using", path(1, in: folder), code: EAGAIN, reason: "\(most) programs have keys there already")
  }

  /// - Returns: whether nobody else had it. The descriptor is left open on purpose: its lock goes with the program.
  private static func isTaken(_ path: String) -> Bool {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { return true }
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      // Where nothing can be locked, nobody is known to have it.
      guard errno == EWOULDBLOCK else { return true }
      close(file)
      return false
    }
    return true
  }
}

extension PrivateKey {
  /// The key in a file, or a new one that is written there.
  convenience init(fileOrNew path: String, on machine: any Machine) throws {
    var random = machine.random
    try self.init(fileOrNew: path, using: &random)
  }
}

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where a person's keys, settings and histories lie: the XDG Base Directory Specification, 0.8.
package struct PersonalFolders: Hashable, Sendable {
  /// What the person has set.
  package let configuration: String
  /// What a program remembers, and may forget.
  package let state: String
  /// What is the person's own, such as keys.
  package let data: String

  /// The folders of `program`, none of which need be there yet.
  package init(
    of program: String, environment: (String) -> String? = environmentVariable
  ) throws(PersonalFolderError) {
    func folder(_ variable: String, _ usual: String) throws(PersonalFolderError) -> String {
      // "All paths set in these environment variables must be absolute": others are ignored.
      if let path = environment(variable), path.hasPrefix("/") { return Self.joined(path, program) }
      guard let home = environment("HOME"), home.hasPrefix("/") else { throw .noHome(variable) }
      return Self.joined(Self.joined(home, usual), program)
    }
    configuration = try folder("XDG_CONFIG_HOME", ".config")
    state = try folder("XDG_STATE_HOME", ".local/state")
    data = try folder("XDG_DATA_HOME", ".local/share")
  }

  private static func joined(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }

  /// Makes a folder and all above it that are missing, for this user alone.
  package static func make(_ path: String) throws(PersonalFolderError) {
    var end = path.startIndex
    while end < path.endIndex {
      end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
      if mkdir(String(path[..<end]), 0o700) == 0 || errno == EEXIST || errno == EISDIR { continue }
      var info = stat()
      let code = errno
      if stat(String(path[..<end]), &info) == 0, info.st_mode & S_IFMT == S_IFDIR { continue }
      throw .notMade(path, reason: String(cString: strerror(code)))
    }
  }
}

/// Why a person has no folders.
package enum PersonalFolderError: Error, Hashable, Sendable, CustomStringConvertible {
  case noHome(String)
  case notMade(String, reason: String)

  package var description: String {
    switch self {
    case .noHome(let variable): "HOME is not the path of a folder: set it, or \(variable)"
    case .notMade(let path, let reason): "the folder \(path.debugDescription) cannot be made: \(reason)"
    }
  }
}

/// What the environment says.
package func environmentVariable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

import Glibc
import TestSupport
import Warren
import WarrenSimulator

/// A folder of a machine's, as another program on it sees it.
struct TestDisk: Sendable {
  let machine: any Machine
  /// Where it is.
  let root: String

  var simulated: SimulatedDisk? { (machine as? SimulatedMachine)?.disk }

  func path(_ name: String) -> String { name.isEmpty ? root : "\(root)/\(name)" }

  func makeFolder(_ name: String = "") {
    if let simulated { return simulated.makeFolder(at: path(name)) }
    precondition(system("mkdir -p '\(path(name))'") == 0)
  }

  func put(_ bytes: [UInt8], _ name: String, isExecutable: Bool = false) {
    if let simulated { return simulated.put(bytes, at: path(name), isExecutable: isExecutable) }
    let file = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, isExecutable ? 0o755 : 0o644)
    precondition(file >= 0 && write(file, bytes, bytes.count) == bytes.count, path(name))
    close(file)
  }

  /// A file that takes so long that nothing is over before a test has done what it does in the middle: of holes on a real disk.
  func putLong(_ name: String) {
    if let simulated { return simulated.put(FileScene.bytes(20 * 262_144), at: path(name)) }
    precondition(system("truncate -s 32G '\(path(name))'") == 0)
  }

  func makeLink(_ name: String, to target: String) {
    if let simulated { return simulated.makeLink(at: path(name), to: target) }
    precondition(symlink(target, path(name)) == 0)
  }

  func makePipe(_ name: String) {
    if let simulated { return simulated.makePipe(at: path(name)) }
    precondition(mkfifo(path(name), 0o600) == 0)
  }

  func bytes(_ name: String) -> [UInt8]? {
    if let simulated { return simulated.bytes(of: path(name)) }
    let file = open(path(name), O_RDONLY)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { return nil }
    return [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { memory, count in
      count = max(0, read(file, memory.baseAddress, memory.count))
    }
  }

  func isExecutable(_ name: String) -> Bool {
    if let simulated { return simulated.info(of: path(name))?.isExecutable ?? false }
    return access(path(name), X_OK) == 0
  }

  /// What is in a folder, in order.
  func names(_ folder: String = "") -> [String] {
    simulated?.names(in: path(folder)) ?? Folder.names(in: path(folder))
  }

  /// All that is there, by the ways from here, in order; folders end in a stroke.
  func tree(_ folder: String = "") -> [String] {
    names(folder).flatMap { name -> [String] in
      let inner = folder.isEmpty ? name : "\(folder)/\(name)"
      return bytes(inner) != nil && !isFolder(inner) ? [inner] : [inner + "/"] + tree(inner)
    }
  }

  private func isFolder(_ name: String) -> Bool {
    if let simulated { return simulated.info(of: path(name))?.kind == .folder }
    var status = stat()
    return lstat(path(name), &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}

import WarrenMachine

/// The disk of a simulated machine: files in memory, which outlast the programs that write them, and what can go wrong.
public final class SimulatedDisk: @unchecked Sendable {
  // Confined to its world's thread, as the machine is: hence `@unchecked`.

  /// How many bytes all files may have together; nil for as many as are written.
  public var capacity: Int?
  /// How long each call takes, besides its bytes.
  public var callTime = SimulatorLimits.fileCallTime
  /// How many bytes are read or written in a second.
  public var bytesPerSecond = SimulatorLimits.diskBytesPerSecond
  /// Asked before each call is done: what it returns is the call's error. It may change the disk, as another program would.
  public var fault: ((FileCall) -> FileError.Code?)?
  /// How many files and folders are open.
  public internal(set) var openCount = 0
  /// How many calls were made.
  public internal(set) var calls = 0

  unowned let owner: SimulatedMachine
  let root = SimulatedNode(.folder)
  /// Counts changes, so that no two are of the same instant.
  private var changes: Int64 = 0

  init(of owner: SimulatedMachine) { self.owner = owner }

  /// A call of a program to the disk.
  public struct FileCall: Hashable, Sendable {
    /// What it does.
    public enum Kind: Hashable, Sendable {
      case open, make, read, write, setSize, info, list, rename, remove, sync
    }

    /// What it does.
    public var kind: Kind
    /// With what.
    public var path: String
    /// Where in it.
    public var offset: UInt64
  }

  /// How many bytes all files have.
  public var used: Int { root.byteCount }

  // MARK: As another program would, at once

  /// Writes a file as a whole, with the folders that lead there.
  public func put(_ bytes: [UInt8], at path: String, isExecutable: Bool = false) {
    let node = SimulatedNode(.file)
    node.bytes = bytes
    node.isExecutable = isExecutable
    place(node, at: path)
  }

  /// Changes what stands in a file.
  public func change(_ path: String, _ body: (inout [UInt8]) -> Void) {
    guard let node = try? node(Self.names(in: path), path) else { return }
    body(&node.bytes)
    touch(node)
  }

  /// Makes a folder, with those that lead there.
  public func makeFolder(at path: String) { place(SimulatedNode(.folder), at: path) }

  /// Makes a symbolic link.
  public func makeLink(at path: String, to target: String) {
    let node = SimulatedNode(.link)
    node.target = target
    place(node, at: path)
  }

  /// Makes something that is neither a file nor a folder.
  public func makePipe(at path: String) { place(SimulatedNode(.other), at: path) }

  /// Takes away whatever stands there, with all that is in it.
  public func remove(_ path: String) {
    var names = Self.names(in: path)
    guard let name = names.popLast(), let folder = try? node(names, path) else { return }
    folder.children[name] = nil
    touch(folder)
  }

  /// What stands in a file; nil where there is none.
  public func bytes(of path: String) -> [UInt8]? {
    guard let node = try? node(Self.names(in: path), path), node.kind == .file else { return nil }
    return node.bytes
  }

  /// What something is, links not being followed at the end; nil where nothing is.
  public func info(of path: String) -> FileInfo? {
    var names = Self.names(in: path)
    guard let name = names.popLast() else { return FileInfo(.folder) }
    return (try? node(names, path))?.children[name]?.info
  }

  /// The names in a folder, in order.
  public func names(in path: String) -> [String] {
    guard let node = try? node(Self.names(in: path), path) else { return [] }
    return node.children.keys.sorted()
  }

  // MARK: For the calls

  static func names(in path: String) -> [String] {
    path.split(separator: "/").filter { $0 != "." }.map(String.init)
  }

  /// What these names lead to, through whatever links.
  func node(_ names: [String], _ path: String, steps: Int = 0) throws(FileError) -> SimulatedNode {
    // What Linux follows at most.
    guard steps <= 40 else { throw FileError(.isLink, path) }
    var node = root
    for (index, name) in names.enumerated() {
      guard node.kind == .folder else { throw FileError(.notFolder, path) }
      guard let next = node.children[name] else { throw FileError(.notFound, path) }
      if next.kind == .link {
        let rest = Self.names(in: next.target) + names[(index + 1)...]
        return try self.node(rest, path, steps: steps + 1)
      }
      node = next
    }
    return node
  }

  private func place(_ node: SimulatedNode, at path: String) {
    var names = Self.names(in: path)
    let last = names.removeLast()
    var folder = root
    for name in names {
      if folder.children[name] == nil {
        folder.children[name] = SimulatedNode(.folder)
        touch(folder)
      }
      folder = folder.children[name]!
    }
    folder.children[last] = node
    touch(node)
    touch(folder)
  }

  /// It has changed now.
  func touch(_ node: SimulatedNode) {
    changes += 1
    node.modified = owner.timeSince1970 + .nanoseconds(changes)
  }

  /// Does `work` once the disk has had time for it, and ends `wait` with what comes of it. As on a real disk, what was begun is
  /// done, whether anybody waits for it or not.
  func perform<Value: Sendable>(
    _ call: FileCall, bytes: Int = 0, _ wait: Wait<Value>,
    _ work: @escaping () throws(FileError) -> Value
  ) {
    calls += 1
    let time = callTime + .nanoseconds(Int64(Double(bytes) / Double(bytesPerSecond) * 1e9))
    let timer = owner.makeTimer { [self] in
      do throws(FileError) {
        if let code = fault?(call) { throw FileError(code, call.path) }
        wait.succeed(try work())
      } catch {
        wait.fail(error)
      }
    }
    timer.schedule(at: owner.now.advanced(by: time))
  }

  /// Refuses what there is no room for.
  func expectRoom(for more: Int, _ path: String) throws(FileError) {
    if let capacity, more > 0, used + more > capacity { throw FileError(.diskFull, path) }
  }
}

/// A file, a folder or a link on a simulated disk. What is open stays, whatever becomes of its name.
final class SimulatedNode {
  let kind: FileInfo.Kind
  var bytes: [UInt8] = []
  var children: [String: SimulatedNode] = [:]
  var target = ""
  var isExecutable = false
  var modified: Duration = .zero

  init(_ kind: FileInfo.Kind) { self.kind = kind }

  var info: FileInfo {
    FileInfo(kind, size: UInt64(bytes.count), isExecutable: isExecutable, modified: modified)
  }

  /// The bytes of all files in it.
  var byteCount: Int { children.values.reduce(bytes.count) { $0 + $1.byteCount } }
}

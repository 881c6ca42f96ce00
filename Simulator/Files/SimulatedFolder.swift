import WarrenMachine

/// The files of a simulated machine, by their paths.
final class SimulatedFileSystem: FileSystem, @unchecked Sendable {
  // Confined to its world's thread: hence `@unchecked`.
  private let owner: SimulatedMachine
  var machine: any Machine { owner }

  init(of owner: SimulatedMachine) { self.owner = owner }

  func openFolder(at path: String, _ wait: Wait<any OpenFolder>) {
    open(path, wait) { (disk, node) throws(FileError) in
      guard node.kind == .folder else { throw FileError(.notFolder, path) }
      return SimulatedFolder(node, at: path, on: disk)
    }
  }

  func openFile(at path: String, _ wait: Wait<any OpenFile>) {
    open(path, wait) { (disk, node) throws(FileError) in
      try SimulatedFile.check(node, path)
      return SimulatedFile(node, at: path, on: disk, isWritable: false)
    }
  }

  private func open<Value: Sendable>(
    _ path: String, _ wait: Wait<Value>,
    _ wrap: @escaping (SimulatedDisk, SimulatedNode) throws(FileError) -> Value
  ) {
    let disk = owner.disk
    do throws(FileError) { try FileError.check(path: path) } catch { return wait.fail(error) }
    disk.perform(SimulatedDisk.FileCall(kind: .open, path: path, offset: 0), wait) { () throws(FileError) in
      try wrap(disk, disk.node(SimulatedDisk.names(in: path), path))
    }
  }
}

extension SimulatedMachine {
  public var files: any FileSystem { SimulatedFileSystem(of: self) }
}

/// An open folder of a simulated machine's.
final class SimulatedFolder: OpenFolder, @unchecked Sendable {
  // Confined to its world's thread: hence `@unchecked`.
  private let node: SimulatedNode
  private let disk: SimulatedDisk
  private var isClosed = false
  let path: String
  var machine: any Machine { disk.owner }

  init(_ node: SimulatedNode, at path: String, on disk: SimulatedDisk) {
    (self.node, self.path, self.disk) = (node, path, disk)
    disk.openCount += 1
  }

  func openFolder(_ name: String, _ wait: Wait<any OpenFolder>) {
    let path = path(of: name)
    perform(.open, name, wait) { [disk] folder throws(FileError) in
      guard let found = folder.children[name] else { throw FileError(.notFound, path) }
      switch found.kind {
      case .folder: return SimulatedFolder(found, at: path, on: disk)
      case .link: throw FileError(.isLink, path)
      case .file, .other: throw FileError(.notFolder, path)
      }
    }
  }

  func openFile(_ name: String, for use: FileUse, _ wait: Wait<any OpenFile>) {
    let path = path(of: name)
    if case .making(let isExecutable) = use {
      return perform(.make, name, wait) { [disk] folder throws(FileError) in
        guard folder.children[name] == nil else { throw FileError(.exists, path) }
        let made = SimulatedNode(.file)
        made.isExecutable = isExecutable
        folder.children[name] = made
        disk.touch(made)
        disk.touch(folder)
        return SimulatedFile(made, at: path, on: disk, isWritable: true)
      }
    }
    perform(.open, name, wait) { [disk] folder throws(FileError) in
      guard let found = folder.children[name] else { throw FileError(.notFound, path) }
      try SimulatedFile.check(found, path)
      return SimulatedFile(found, at: path, on: disk, isWritable: use == .writing)
    }
  }

  func makeFolder(_ name: String, _ wait: Wait<Void>) {
    let path = path(of: name)
    perform(.make, name, wait) { [disk] folder throws(FileError) in
      guard folder.children[name] == nil else { throw FileError(.exists, path) }
      let made = SimulatedNode(.folder)
      folder.children[name] = made
      disk.touch(made)
      disk.touch(folder)
    }
  }

  func info(of name: String, _ wait: Wait<FileInfo>) {
    let path = path(of: name)
    perform(.info, name, wait) { folder throws(FileError) in
      guard let found = folder.children[name] else { throw FileError(.notFound, path) }
      return found.info
    }
  }

  func list(atMost limit: Int, _ wait: Wait<[FolderEntry]>) {
    perform(.list, nil, wait) { folder throws(FileError) in
      let names = folder.children.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      return names.prefix(limit).map { FolderEntry(name: $0, info: folder.children[$0]!.info) }
    }
  }

  func rename(_ name: String, to newName: String, _ wait: Wait<Void>) {
    let (path, newPath) = (path(of: name), path(of: newName))
    do throws(FileError) { try FileError.check(name: newName, in: self.path) } catch {
      return wait.fail(error)
    }
    perform(.rename, name, wait) { [disk] folder throws(FileError) in
      guard let found = folder.children[name] else { throw FileError(.notFound, path) }
      guard folder.children[newName] == nil else { throw FileError(.exists, newPath) }
      folder.children[name] = nil
      folder.children[newName] = found
      disk.touch(folder)
    }
  }

  func remove(_ name: String, _ wait: Wait<Void>) {
    let path = path(of: name)
    perform(.remove, name, wait) { [disk] folder throws(FileError) in
      guard let found = folder.children[name] else { throw FileError(.notFound, path) }
      guard found.children.isEmpty else { throw FileError(.notEmpty, path) }
      folder.children[name] = nil
      disk.touch(folder)
    }
  }

  func sync(_ wait: Wait<Void>) { perform(.sync, nil, wait) { _ throws(FileError) in } }

  func close() {
    if !isClosed { disk.openCount -= 1 }
    isClosed = true
  }

  private func perform<Value: Sendable>(
    _ kind: SimulatedDisk.FileCall.Kind, _ name: String?, _ wait: Wait<Value>,
    _ work: @escaping (SimulatedNode) throws(FileError) -> Value
  ) {
    do throws(FileError) {
      if isClosed { throw FileError(.closed, path) }
      if let name { try FileError.check(name: name, in: path) }
    } catch {
      return wait.fail(error)
    }
    let call = SimulatedDisk.FileCall(kind: kind, path: name.map { path(of: $0) } ?? path, offset: 0)
    disk.perform(call, wait) { [node] () throws(FileError) in try work(node) }
  }
}

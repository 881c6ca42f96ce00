import CFiles
import Glibc
import WarrenMachine

/// An open folder of this computer's.
final class LocalFolder: OpenFolder, @unchecked Sendable {
  // Used on the machine's executor alone: hence `@unchecked`.
  private let descriptor: LocalDescriptor
  var machine: any Machine { descriptor.machine }
  var path: String { descriptor.path }

  init(_ descriptor: LocalDescriptor) { self.descriptor = descriptor }

  func openFolder(_ name: String, _ wait: Wait<any OpenFolder>) {
    let path = path(of: name)
    guard isName(name, wait) else { return }
    descriptor.open(
      path, wait,
      { (folder) throws(FileError) in try SystemFile.openFolder(folder, name, followsLinks: false, path) }
    ) { LocalFolder($0) }
  }

  func openFile(_ name: String, for use: FileUse, _ wait: Wait<any OpenFile>) {
    let path = path(of: name)
    guard isName(name, wait) else { return }
    descriptor.open(
      path, wait,
      { (folder) throws(FileError) in try SystemFile.openFile(folder, name, use, followsLinks: false, path) }
    ) { LocalFile($0) }
  }

  func makeFolder(_ name: String, _ wait: Wait<Void>) {
    let path = path(of: name)
    guard isName(name, wait) else { return }
    descriptor.perform(wait) { (folder) throws(FileError) in
      try SystemFile.check(mkdirat(folder, name, 0o777), path)
    }
  }

  func info(of name: String, _ wait: Wait<FileInfo>) {
    let path = path(of: name)
    guard isName(name, wait) else { return }
    descriptor.perform(wait) { (folder) throws(FileError) in try SystemFile.info(of: name, in: folder, path) }
  }

  func list(atMost limit: Int, _ wait: Wait<[FolderEntry]>) {
    let path = path
    descriptor.perform(wait) { (folder) throws(FileError) in
      try SystemFile.list(folder, atMost: limit, path)
    }
  }

  func rename(_ name: String, to newName: String, _ wait: Wait<Void>) {
    let (path, newPath) = (path(of: name), path(of: newName))
    guard isName(name, wait), isName(newName, wait) else { return }
    descriptor.perform(wait) { (folder) throws(FileError) in
      let code = cf_rename_new(folder, name, newName)
      if code != 0 { throw FileError(code, code == EEXIST ? newPath : path) }
    }
  }

  func remove(_ name: String, _ wait: Wait<Void>) {
    let path = path(of: name)
    guard isName(name, wait) else { return }
    descriptor.perform(wait) { (folder) throws(FileError) in
      if unlinkat(folder, name, 0) == 0 { return }
      guard errno == EISDIR || errno == EPERM else { throw FileError(errno, path) }
      try SystemFile.check(unlinkat(folder, name, AT_REMOVEDIR), path)
    }
  }

  func sync(_ wait: Wait<Void>) {
    let path = path
    descriptor.perform(wait) { (folder) throws(FileError) in try SystemFile.check(fsync(folder), path) }
  }

  func close() { descriptor.close() }

  private func isName<Value>(_ name: String, _ wait: Wait<Value>) -> Bool {
    do throws(FileError) {
      try FileError.check(name: name, in: path)
      return true
    } catch {
      wait.fail(error)
      return false
    }
  }
}

import Glibc
import WarrenMachine

/// The files of this computer, as far as this program may see them.
final class LocalFileSystem: FileSystem, @unchecked Sendable {
  // It has no state of its own: hence `@unchecked`.
  private let local: LocalMachine
  var machine: any Machine { local }

  init(of machine: LocalMachine) { local = machine }

  func openFolder(at path: String, _ wait: Wait<any OpenFolder>) {
    open(
      path, wait,
      { () throws(FileError) in try SystemFile.openFolder(AT_FDCWD, path, followsLinks: true, path) }
    ) { LocalFolder($0) }
  }

  func openFile(at path: String, _ wait: Wait<any OpenFile>) {
    open(
      path, wait,
      { () throws(FileError) in try SystemFile.openFile(AT_FDCWD, path, .reading, followsLinks: true, path) }
    ) { LocalFile($0) }
  }

  private func open<Value: Sendable>(
    _ path: String, _ wait: Wait<Value>, _ work: @escaping @Sendable () throws(FileError) -> Int32,
    _ wrap: @escaping (LocalDescriptor) -> Value
  ) {
    local.preconditionOnExecutor()
    let local = local
    do throws(FileError) { try FileError.check(path: path) } catch { return wait.fail(error) }
    local.loop.core.offload({ Result { () throws(FileError) in try work() } }) {
      local.opened($0, path, wait, wrap)
    }
  }
}

extension LocalMachine {
  public var files: any FileSystem { LocalFileSystem(of: self) }
}

import Glibc
import WarrenMachine

/// An open file of this computer's.
final class LocalFile: OpenFile, @unchecked Sendable {
  // Used on the machine's executor alone: hence `@unchecked`.
  private let descriptor: LocalDescriptor
  var machine: any Machine { descriptor.machine }
  var path: String { descriptor.path }

  init(_ descriptor: LocalDescriptor) { self.descriptor = descriptor }

  func read(_ count: Int, at offset: UInt64, through look: FileLook?, _ wait: Wait<[UInt8]>) {
    let path = path
    descriptor.perform(wait) { (file) throws(FileError) in
      let bytes = try SystemFile.read(file, count, at: offset, path)
      look?(bytes.span.bytes)
      return bytes
    }
  }

  func write(_ bytes: [UInt8], at offset: UInt64, through look: FileLook?, _ wait: Wait<Void>) {
    let path = path
    descriptor.perform(wait) { (file) throws(FileError) in
      look?(bytes.span.bytes)
      try SystemFile.write(file, bytes, at: offset, path)
    }
  }

  func setSize(_ size: UInt64, _ wait: Wait<Void>) {
    let path = path
    descriptor.perform(wait) { (file) throws(FileError) in
      guard let size = off_t(exactly: size) else { throw FileError(.tooLarge, path) }
      try SystemFile.check(ftruncate(file, size), path)
    }
  }

  func info(_ wait: Wait<FileInfo>) {
    let path = path
    descriptor.perform(wait) { (file) throws(FileError) in try SystemFile.info(of: file, path) }
  }

  func sync(_ wait: Wait<Void>) {
    let path = path
    descriptor.perform(wait) { (file) throws(FileError) in try SystemFile.check(fsync(file), path) }
  }

  func close() { descriptor.close() }
}

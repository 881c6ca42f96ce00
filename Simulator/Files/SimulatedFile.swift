import WarrenMachine

/// An open file of a simulated machine's.
final class SimulatedFile: OpenFile, @unchecked Sendable {
  // Confined to its world's thread: hence `@unchecked`.
  private let node: SimulatedNode
  private let disk: SimulatedDisk
  private let isWritable: Bool
  private var isClosed = false
  let path: String
  var machine: any Machine { disk.owner }

  init(_ node: SimulatedNode, at path: String, on disk: SimulatedDisk, isWritable: Bool) {
    (self.node, self.path, self.disk, self.isWritable) = (node, path, disk, isWritable)
    disk.openCount += 1
  }

  /// Refuses what is no file.
  static func check(_ node: SimulatedNode, _ path: String) throws(FileError) {
    switch node.kind {
    case .file: break
    case .folder: throw FileError(.isFolder, path)
    case .link: throw FileError(.isLink, path)
    case .other: throw FileError(.notFile, path)
    }
  }

  func read(_ count: Int, at offset: UInt64, through look: FileLook?, _ wait: Wait<[UInt8]>) {
    perform(.read, at: offset, bytes: count, wait) { node throws(FileError) in
      let start = Int(clamping: min(offset, UInt64(node.bytes.count)))
      let bytes = Array(node.bytes[start..<min(start + count, node.bytes.count)])
      look?(bytes.span.bytes)
      return bytes
    }
  }

  func write(_ bytes: [UInt8], at offset: UInt64, through look: FileLook?, _ wait: Wait<Void>) {
    perform(.write, at: offset, bytes: bytes.count, wait) { [self] node throws(FileError) in
      look?(bytes.span.bytes)
      guard isWritable else { throw FileError(.notPermitted, path) }
      guard let start = Int(exactly: offset), start < Int.max - bytes.count else {
        throw FileError(.tooLarge, path)
      }
      try resize(node, to: max(node.bytes.count, start + bytes.count))
      node.bytes.replaceSubrange(start..<start + bytes.count, with: bytes)
      disk.touch(node)
    }
  }

  func setSize(_ size: UInt64, _ wait: Wait<Void>) {
    perform(.setSize, at: size, wait) { [self] node throws(FileError) in
      guard isWritable else { throw FileError(.notPermitted, path) }
      guard let size = Int(exactly: size) else { throw FileError(.tooLarge, path) }
      try resize(node, to: size)
      disk.touch(node)
    }
  }

  private func resize(_ node: SimulatedNode, to size: Int) throws(FileError) {
    let more = size - node.bytes.count
    try disk.expectRoom(for: more, path)
    if more > 0 { node.bytes += [UInt8](repeating: 0, count: more) }
    if more < 0 { node.bytes.removeLast(-more) }
  }

  func info(_ wait: Wait<FileInfo>) {
    perform(.info, at: 0, wait) { node throws(FileError) in node.info }
  }

  func sync(_ wait: Wait<Void>) { perform(.sync, at: 0, wait) { _ throws(FileError) in } }

  func close() {
    if !isClosed { disk.openCount -= 1 }
    isClosed = true
  }

  private func perform<Value: Sendable>(
    _ kind: SimulatedDisk.FileCall.Kind, at offset: UInt64, bytes: Int = 0, _ wait: Wait<Value>,
    _ work: @escaping (SimulatedNode) throws(FileError) -> Value
  ) {
    if isClosed { return wait.fail(FileError(.closed, path)) }
    let call = SimulatedDisk.FileCall(kind: kind, path: path, offset: offset)
    disk.perform(call, bytes: bytes, wait) { [node] () throws(FileError) in try work(node) }
  }
}

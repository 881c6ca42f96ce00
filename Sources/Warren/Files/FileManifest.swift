import WarrenCrypto
import WarrenMachine

/// The files and folders of one transfer, each named from the folder that it is in: so none can lead elsewhere.
struct FileManifest: Hashable, Sendable {
  /// A file or a folder.
  struct Entry: Hashable, Sendable {
    /// What it is.
    enum Kind: Hashable, Sendable {
      case folder
      case file(size: UInt64, isExecutable: Bool)
    }

    /// What the sender calls it.
    var name: String
    /// The number of the folder that it is in, which stands before it; the first is in none.
    var parent = 0
    /// What it is.
    var kind: Kind

    var isFolder: Bool { kind == .folder }
    var size: UInt64 { if case .file(let size, _) = kind { size } else { 0 } }
    var isExecutable: Bool { if case .file(_, true) = kind { true } else { false } }
  }

  /// All of them; the first is the file or the folder that is sent.
  let entries: [Entry]
  /// The numbers of those that are files, in the order in which they are sent.
  let files: [Int]
  /// What all files have.
  let totalBytes: UInt64

  var root: Entry { entries[0] }

  /// - Throws: a ``FileTransferError`` where it is not one tree, or too large.
  init(_ entries: [Entry]) throws(FileTransferError) {
    guard !entries.isEmpty else { throw FileTransferError(.badMessage, "nothing is offered") }
    try Self.check(entries.count)
    var depths = [0]
    var total: UInt64 = 0
    for (index, entry) in entries.enumerated() {
      if index > 0 {
        guard entry.parent < index, entries[entry.parent].isFolder else {
          throw FileTransferError(.badMessage, "\(quoted(entry.name)) is offered in no folder")
        }
        depths.append(depths[entry.parent] + 1)
        guard depths[index] <= FileLimits.depth else {
          throw FileTransferError(
            .tooLarge, "folders are more than \(FileLimits.depth) deep: pack them first")
        }
      }
      let (sum, isTooMuch) = total.addingReportingOverflow(entry.size)
      guard !isTooMuch, sum <= UInt64(Int64.max) else {
        throw FileTransferError(.tooLarge, "\(quoted(entry.name)) is larger than a file can be")
      }
      total = sum
    }
    self.entries = entries
    files = entries.indices.filter { !entries[$0].isFolder }
    totalBytes = total
  }

  static func check(_ count: Int) throws(FileTransferError) {
    guard count <= FileLimits.entries else {
      throw FileTransferError(
        .tooLarge, "\(count) files and folders are more than \(FileLimits.entries): pack them first")
    }
  }

  /// How large the file of this number among files is.
  func size(ofFile file: Int) -> UInt64 { entries[files[file]].size }

  /// Tells this list from any other.
  var digest: [UInt8] { HashFunction.sha256.hash(encoded) }
}

// MARK: Bytes

extension FileManifest {
  // Each entry: what it is, the number of its folder, the size of a file, the name behind its length.
  private static let folder: UInt8 = 0
  private static let file: UInt8 = 1
  private static let executableFile: UInt8 = 2

  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(number: UInt32(entries.count))
    for entry in entries {
      bytes.append(entry.isFolder ? Self.folder : entry.isExecutable ? Self.executableFile : Self.file)
      bytes.append(number: UInt32(entry.parent))
      if !entry.isFolder { bytes.append(number: entry.size) }
      let name = Array(entry.name.utf8.prefix(Int(UInt16.max)))
      bytes.append(number: UInt16(name.count))
      bytes += name
    }
    return bytes
  }

  /// Reads what ``encoded`` has written.
  init(_ input: inout WireReader) throws(FileTransferError) {
    let count = Int(input.take(UInt32.self))
    try Self.check(count)
    var entries: [Entry] = []
    while entries.count < count {
      let number = input.take(UInt8.self)
      let parent = Int(input.take(UInt32.self))
      let kind: Entry.Kind
      switch number {
      case Self.folder: kind = .folder
      case Self.file, Self.executableFile:
        kind = .file(size: input.take(UInt64.self), isExecutable: number == Self.executableFile)
      default:
        throw FileTransferError(.badMessage, "something is offered that is neither a file nor a folder")
      }
      let name = input.takeText(atMost: FileLimits.wordBytes)
      if input.isOverrun { throw FileTransferError(.badMessage, "the list of files ends too early") }
      entries.append(Entry(name: name, parent: parent, kind: kind))
    }
    try self.init(entries)
  }
}

extension [UInt8] {
  /// A number in the order of the network.
  mutating func append<Number: FixedWidthInteger>(number: Number) {
    Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
  }

  /// A text behind its length in two bytes.
  mutating func append(text: String) {
    let utf8 = Array(text.utf8.prefix(Int(UInt16.max)))
    append(number: UInt16(utf8.count))
    self += utf8
  }
}

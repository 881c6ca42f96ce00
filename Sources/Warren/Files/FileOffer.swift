import WarrenCrypto

/// What somebody wants to send, and has not been answered.
public struct FileOffer: Sendable {
  /// A file of it.
  public struct File: Hashable, Sendable {
    /// Where it will be, from the folder that is offered: `2024/summer/beach.jpg`.
    public var path: String
    /// How many bytes it has.
    public var size: UInt64
    /// Whether it is a program.
    public var isExecutable: Bool

    /// A file.
    public init(path: String, size: UInt64, isExecutable: Bool = false) {
      (self.path, self.size, self.isExecutable) = (path, size, isExecutable)
    }
  }

  /// The number of the transfer.
  public let id: FileTransfer.ID
  /// From whom; nil where the other side has no key.
  public let peer: PeerID?
  /// What it is called: made safe, as all names are.
  public let name: String
  /// Whether it is a folder.
  public let isFolder: Bool
  /// How many bytes all files have.
  public let totalBytes: UInt64
  let manifest: FileManifest
  let exchange: FileExchange

  init(_ id: FileTransfer.ID, _ manifest: FileManifest, from peer: PeerID?, _ exchange: FileExchange) {
    (self.id, self.peer, self.manifest, self.exchange) = (id, peer, manifest, exchange)
    name = SafeName.made(of: manifest.root.name)
    isFolder = manifest.root.isFolder
    totalBytes = manifest.totalBytes
  }

  /// Its files, in the order in which they will come; folders without any are not among them.
  public var files: [File] {
    let names = SafeName.names(of: manifest)
    return manifest.files.map { index in
      var path = names[index]
      var parent = manifest.entries[index].parent
      while parent != 0 {
        path = "\(names[parent])/\(path)"
        parent = manifest.entries[parent].parent
      }
      let entry = manifest.entries[index]
      return File(path: path, size: entry.size, isExecutable: entry.isExecutable)
    }
  }

  /// Takes it.
  ///
  /// - Parameters:
  ///   - name: what it is to be called; made safe, too.
  ///   - folder: where it is to be, if not in the exchange's folder.
  /// - Throws: a ``FileTransferError`` where it is not offered any more.
  public func accept(as name: String? = nil, into folder: String? = nil) async throws -> FileTransfer {
    try await exchange.accept(id, as: name, into: folder)
  }

  /// Does not take it; the sender is told why.
  public func refuse(_ reason: String = "it is not wanted") async { await exchange.refuse(id, reason) }
}

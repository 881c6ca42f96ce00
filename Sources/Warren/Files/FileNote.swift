import WarrenCrypto
import WarrenMachine

/// What a receiver writes down beside the part of a file, so that another program can go on where this one was ended: whose it is,
/// and under which names. How far it has come is not in it: that is what lies on the disk, and its hash is computed anew, so that a
/// note can be wrong about nothing that matters.
struct FileNote: Hashable, Sendable {
  /// From whom it comes.
  var peer: PeerID?
  /// Which files were offered: others are another transfer.
  var manifest: [UInt8]
  /// Whether everything has come, and is being given its name.
  var isComplete = false
  /// The folder, where it is not the exchange's own.
  var folder: String?
  /// What the part is called.
  var part: String
  /// What it is to be called.
  var name: String

  /// What the note of a transfer is called.
  static func name(of id: FileTransfer.ID) -> String { SafeName.note + id.description }

  private static let mark: [UInt8] = Array("WFN1".utf8)
  /// Where it says whether it is complete: the one byte that ever changes.
  static let completeOffset = UInt64(mark.count)
  static let complete: [UInt8] = [1]

  var encoded: [UInt8] {
    var bytes = Self.mark
    bytes += isComplete ? Self.complete : [0]
    bytes += peer?.bytes ?? [UInt8](repeating: 0, count: PeerID.byteCount)
    bytes += manifest
    for text in [folder ?? "", part, name] { bytes.append(text: text) }
    return bytes
  }

  /// Nil where it is no note, or not all of one.
  init?(_ bytes: [UInt8]) {
    var input = WireReader(bytes.span.bytes)
    guard input.take(count: Self.mark.count) == Self.mark else { return nil }
    isComplete = input.take(UInt8.self) == Self.complete[0]
    let key = input.take(count: PeerID.byteCount)
    peer = key.allSatisfy { $0 == 0 } ? nil : PeerID(bytes: key.span.bytes)
    manifest = input.take(count: FileFrame.digestBytes)
    let texts = (0..<3).map { _ in input.takeText(atMost: FileLimits.noteBytes) }
    guard input.isAtEnd else { return nil }
    folder = texts[0].isEmpty ? nil : texts[0]
    (part, name) = (texts[1], texts[2])
  }

  init(peer: PeerID?, manifest: [UInt8], folder: String?, part: String, name: String) {
    (self.peer, self.manifest, self.folder, self.part, self.name) = (peer, manifest, folder, part, name)
  }
}

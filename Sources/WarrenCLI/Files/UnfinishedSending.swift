import Warren
import WarrenTerminal

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The number of a transfer that was interrupted, in a file among this person's: so the same command goes on with it.
///
/// There is one for each thing, each receiver and each key of one's own, as the receiver asks for the key that it knows.
struct UnfinishedSending {
  private let place: String

  init(of path: String, to receiver: PeerID, from own: PeerID) throws {
    let folder = try PersonalFolders(of: "warren").state + "/sending"
    try PersonalFolders.make(folder)
    let real = realpath(path, nil)
    defer { free(real) }
    let what = real.map { String(cString: $0) } ?? path
    place = "\(folder)/\(HashFunction.sha256.hash(Array("\(own) \(receiver) \(what)".utf8)).hexText)"
  }

  /// Its number; nil where there is nothing to go on with.
  var id: FileTransfer.ID? {
    (try? lines(ofFile: place))?.first.flatMap { FileTransfer.ID($0) }
  }

  func keep(_ id: FileTransfer.ID) throws {
    let file = open(place, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    let text = "\(id)\n"
    let isWritten = file >= 0 && write(file, text, text.utf8.count) == text.utf8.count
    let code = errno
    if file >= 0 { close(file) }
    guard isWritten else { throw UnwritablePlace(path: place, code: code) }
  }

  func forget() { unlink(place) }
}

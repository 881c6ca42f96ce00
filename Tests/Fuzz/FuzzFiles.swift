@testable import Warren

/// What either side of a transfer makes of the other's words: it ends, or goes on in order, and holds no more than a block.
func fuzzFiles(_ bytes: [UInt8]) {
  var input = Input(bytes)
  let isSender = input.byte() & 1 == 1
  let accepts = input.byte()
  let words = input.block()
  if isSender {
    precondition(send(words, in: words.count) == send(words, in: 1))
  } else {
    precondition(receive(words, in: words.count, accepts) == receive(words, in: 7, accepts))
  }
}

private func pieces(_ bytes: [UInt8], _ size: Int) -> [[UInt8]] {
  stride(from: 0, to: bytes.count, by: max(1, size)).map {
    Array(bytes[$0..<min($0 + max(1, size), bytes.count)])
  }
}

private let hash = [UInt8](repeating: 0, count: FileFrame.digestBytes)

/// What was written, or why it has ended.
private func receive(_ bytes: [UInt8], in size: Int, _ accepts: UInt8) -> [FilePlace] {
  var core = FileReceivingCore()
  var written: [FilePlace] = []
  var manifest: FileManifest?
  do throws(FileTransferError) {
    for piece in pieces(bytes, size) {
      core.receive(piece)
      while let wish = try core.poll() {
        switch wish {
        case .offer(_, let offered):
          manifest = offered
          precondition(offered.entries.count <= FileLimits.entries && offered.totalBytes <= UInt64(Int64.max))
          if offered.entries.count < 100 {
            precondition(
              SafeName.names(of: offered).allSatisfy { !$0.contains("/") && $0 != ".." && !$0.isEmpty })
          }
          core.accept(at: FilePlace(file: min(Int(accepts), offered.files.count)), digest: hash)
        case .begin: core.began()
        case .write(let bytes, let place):
          precondition(!bytes.isEmpty && bytes.count <= FileLimits.blockBytes)
          precondition(place.offset + UInt64(bytes.count) <= manifest!.size(ofFile: place.file))
          precondition(written.last.map { $0 < place || place.offset == 0 } ?? true)
          written.append(place)
          // The hash is taken for right where it is nothing.
          try core.wrote(digest: hash)
        case .complete(let file):
          precondition(core.place.offset == manifest!.size(ofFile: file))
          core.completed()
        case .finish: core.finished()
        case .send, .end: break
        }
      }
      precondition(core.verifiedBytes <= manifest?.totalBytes ?? 0)
    }
  } catch {
    precondition(!error.reason.isEmpty && error.reason.utf8.count <= 2 * FileLimits.wordBytes)
  }
  return written
}

/// What was read.
private func send(_ bytes: [UInt8], in size: Int) -> [FilePlace] {
  let entries = [10, 0, UInt64(FileLimits.blockBytes) + 1].map {
    FileManifest.Entry(name: "a", parent: 0, kind: .file(size: $0, isExecutable: false))
  }
  guard let manifest = try? FileManifest([FileManifest.Entry(name: "f", kind: .folder)] + entries) else {
    preconditionFailure("these are no files")
  }
  var core = FileSendingCore(id: FileTransfer.ID(bytes: [UInt8](repeating: 1, count: 16)), manifest)
  var read: [FilePlace] = []
  _ = core.poll()
  do throws(FileTransferError) {
    for piece in pieces(bytes, size) { try core.receive(piece) }
    wishes: while let wish = core.poll() {
      switch wish {
      case .send, .sendBlock: break
      case .check(let place):
        precondition(place.offset <= manifest.size(ofFile: place.file))
        core.checked(hash)
      case .read(let place, let count):
        precondition(place.offset + UInt64(count) <= manifest.size(ofFile: place.file))
        read.append(place)
        core.read([UInt8](repeating: 0, count: count), digest: hash)
      case .end: break wishes
      }
    }
    precondition(core.verifiedBytes <= manifest.totalBytes)
  } catch {
    precondition(!error.reason.isEmpty)
    return []
  }
  return read
}

import Warren

/// Sends things to one receiver: anew, or from where an earlier command was interrupted.
struct FileSender: Sendable {
  /// What went wrong before there was a transfer that could be shown.
  struct Unsaid: Error {
    let reason: any Error
  }

  let peer: Peer
  let exchange: FileExchange
  let receiver: PeerID
  /// Where it was said to be.
  let addresses: [SocketAddress]

  /// The way to the receiver; nil while there is none.
  var path: Path? { get async { await peer.connection(with: receiver)?.path } }

  /// Sends one, to its end.
  ///
  /// - Parameter show: follows the transfer, which may have begun earlier, and throws why it has not arrived.
  func send(_ file: String, _ show: (FileTransfer, _ isOld: Bool) async throws -> Void) async throws {
    let unfinished = try said { try UnfinishedSending(of: file, to: receiver, from: peer.id) }
    let known = unfinished.id
    do {
      try await send(file, as: known, unfinished, show)
    } catch let error as FileTransferError where known != nil && error.code == .changed && error.isRemote {
      // It is not what was sent before under this number.
      try await send(file, as: nil, unfinished, show)
    }
  }

  private func send(
    _ file: String, as id: FileTransfer.ID?, _ unfinished: UnfinishedSending,
    _ show: (FileTransfer, _ isOld: Bool) async throws -> Void
  ) async throws {
    let transfer: FileTransfer
    do {
      transfer = try await exchange.send(file, id: id) {
        try await peer.connect(to: receiver, at: addresses)
      }
    } catch {
      throw Unsaid(reason: error)
    }
    try said { try unfinished.keep(transfer.id) }
    do {
      try await show(transfer, id != nil)
      unfinished.forget()
    } catch {
      if let error = error as? FileTransferError, !error.canGoOn { unfinished.forget() }
      throw error
    }
  }

  private func said<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch { throw Unsaid(reason: error) }
  }
}

extension FileTransferError {
  /// Whether the receiver keeps what it has.
  fileprivate var canGoOn: Bool {
    switch code {
    case .refused, .cancelled, .changed, .tooLarge, .badMessage, .corrupt: false
    case .diskFull, .notPermitted, .notFound, .disk, .busy, .lost, .interrupted, .closed: true
    }
  }
}

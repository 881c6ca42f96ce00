import WarrenMachine
import WarrenQUIC

// How what is received comes to its end.
extension FileExchange {
  /// This side ends a transfer: at once, or as soon as the disk has done what it does.
  func end(_ transfer: IncomingTransfer, with error: FileTransferError) async {
    guard transfer.ending == nil else { return }
    transfer.ending = error
    transfer.wake()
    if let session = transfer.worker ?? transfer.session {
      // Who waits for an answer has all the time to say why.
      if transfer.isMoving { await session.leave(error) }
    } else {
      await conclude(transfer, error)
    }
  }

  /// A stream is done with.
  func end(_ found: IncomingTransfer?, _ session: IncomingSession, _ error: FileTransferError?) async {
    let error = found?.ending ?? error
    if let error {
      await session.leave(error.code == .closed ? Self.interrupted : error, saysWhy: true)
    }
    guard let found else { return }
    if found.worker === session {
      await found.destination?.rest()
      found.worker = nil
    }
    guard found.session === session else { return found.wake() }
    (found.session, found.isMoving) = (nil, false)
    defer { wakeAll() }
    guard let error = found.ending ?? error else { return await conclude(found, nil) }
    let isOver = ends.contains { $0.id == found.id && $0.peer == found.peer && $0.error == nil }
    if isOver {
      forgetLater(found.id)
      return await conclude(found, nil)
    }
    guard error.isTemporary else { return await conclude(found, error) }
    found.transfer?.become(.interrupted)
    let timer = machine.makeTimer { [weak self] in self?.assumeIsolated { $0.lost(found) } }
    let patience =
      found.answer == nil ? min(configuration.patience, FileLimits.absence) : configuration.patience
    timer.schedule(at: machine.now.advanced(by: patience))
    found.timer = timer
  }

  private static let interrupted = FileTransferError(.interrupted, "the receiver is closed")

  private func lost(_ transfer: IncomingTransfer) {
    machine.spawn("giving a transfer up") {
      await self.end(
        transfer,
        with: FileTransferError(.lost, "the sender has not come back in \(self.configuration.patience)"))
    }
  }

  /// A transfer is over, and nobody works on it.
  private func conclude(_ transfer: IncomingTransfer, _ error: FileTransferError?) async {
    // Whoever ends it, and the stream that has ended with it: the first of them does.
    guard let place = incoming.firstIndex(where: { $0 === transfer }) else { return }
    incoming.remove(at: place)
    transfer.timer?.cancel()
    if let error {
      let isUseless = [.cancelled, .changed, .refused].contains(error.code)
      if isUseless {
        if !error.isRemote { remember(transfer, error) }
        // What an earlier program has left is there, also where it was never this one's turn.
        if transfer.note != nil { _ = try? await destination(of: transfer) }
        try? await transfer.destination?.discard()
      }
      transfer.transfer?.become(.failed(error))
    }
    transfer.destination?.close()
  }

  /// The sender may ask again.
  func remember(_ transfer: IncomingTransfer, _ error: FileTransferError?) {
    ends.append((transfer.id, transfer.peer, error))
    if ends.count > FileLimits.rememberedEnds { ends.removeFirst() }
  }

  /// The sender may not have heard that everything is there. When it has not asked for long, it has.
  private func forgetLater(_ id: FileTransfer.ID) {
    let timer = machine.makeTimer { [weak self] in
      self?.assumeIsolated { exchange in
        guard !exchange.isClosed else { return }
        let (home, machine) = (exchange.home, exchange.machine)
        machine.spawn("putting a note away") {
          try await FileDestination.forget(id, home: home, on: machine)
        }
      }
    }
    timer.schedule(at: machine.now.advanced(by: configuration.patience))
  }
}

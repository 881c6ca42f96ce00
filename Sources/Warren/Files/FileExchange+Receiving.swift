import WarrenCrypto
import WarrenMachine
import WarrenQUIC

extension FileExchange {
  /// Receives what comes on a stream that somebody has opened, behind its ``streamMark``.
  ///
  /// - Parameter peer: who has; nil where it has no key.
  public func take(_ stream: Connection.Stream, from peer: PeerID?) {
    let session = IncomingSession(stream, from: peer)
    let ofPeer = sessions.count { $0.peer == peer }
    let hasRoom = ofPeer < FileLimits.streamsOfPeer && sessions.count < FileLimits.streamsOfAll
    guard !isClosed, hasRoom, folder != nil else {
      let error =
        folder == nil
        ? FileTransferError(.refused, "it takes no files: it has no folder for them")
        : FileTransferError(isClosed ? .interrupted : .busy, "the receiver has too much to do")
      machine.spawn("refusing a stream") { await stream.leave(error, saysWhy: true) }
      return
    }
    sessions.append(session)
    session.task = machine.spawn("receiving by stream \(stream.id)") {
      await self.receive(session)
      self.sessions.removeAll { $0 === session }
      self.wakeAll()
    }
  }

  /// Receives what comes over a connection that is used for nothing else, until it is over: streams without ``streamMark`` are not
  /// wanted.
  public nonisolated func takeAll(of connection: Connection) async {
    for await stream in connection.incomingStreams {
      machine.spawn("the mark of stream \(stream.id)") {
        guard try await stream.read(exactly: Self.streamMark.count) == Self.streamMark else {
          let error = FileTransferError(.badMessage, "only files are taken here")
          return await stream.leave(error, saysWhy: false)
        }
        await self.take(stream, from: connection.peer)
      }
    }
  }

  private func receive(_ session: IncomingSession) async {
    var found: IncomingTransfer?
    do {
      let (id, manifest) = try await readOffer(session)
      guard let transfer = try await find(id, manifest, session) else {
        return try await confirm(id, session)
      }
      found = transfer
      session.handOver(to: transfer)
      try await claim(transfer, for: session)
      try await awaitTurn(of: transfer, session)
      try await carry(transfer, session)
      await end(transfer, session, nil)
    } catch {
      let error = FileTransferError(meaning: error)
      await end(found, session, error)
      if !error.isRemote { await session.stream.farewell(on: machine) }
    }
  }

  // MARK: What is offered

  private func readOffer(_ session: IncomingSession) async throws -> (FileTransfer.ID, FileManifest) {
    let late = FileTransferError(.interrupted, "the offer has not come in time")
    let watch = machine.spawn("patience with an offer") { [machine] in
      try await machine.sleep(for: FileLimits.offerPatience)
      await session.leave(late)
    }
    defer { watch.cancel() }
    while true {
      if case .offer(let id, let manifest) = try session.core.poll() { return (id, manifest) }
      guard let bytes = try await session.read() else {
        throw FileTransferError(.interrupted, "the sender has offered nothing", isRemote: true)
      }
      session.core.receive(bytes)
      session.manifestBytes = max(session.manifestBytes, session.core.expectedBytes)
      let (ofPeer, ofAll) = manifestBytes(of: session.peer)
      guard ofPeer <= FileLimits.manifestBytesOfPeer, ofAll <= FileLimits.manifestBytesOfAll else {
        throw FileTransferError(.busy, "the receiver has too many offers")
      }
    }
  }

  /// What lists of files take: those of one peer, and all.
  func manifestBytes(of peer: PeerID?) -> (ofPeer: Int, ofAll: Int) {
    let held = sessions.map { ($0.peer, $0.manifestBytes) } + incoming.map { ($0.peer, $0.manifestBytes) }
    return held.reduce((0, 0)) { sum, next in (sum.0 + (next.0 == peer ? next.1 : 0), sum.1 + next.1) }
  }

  /// The transfer that is offered: a new one, or one that goes on; nil where it has come to its end already.
  private func find(
    _ id: FileTransfer.ID, _ manifest: FileManifest, _ session: IncomingSession
  ) async throws -> IncomingTransfer? {
    let digest = manifest.digest
    if let end = ends.first(where: { $0.id == id && $0.peer == session.peer }) {
      if let error = end.error { throw FileTransferError(error.code, error.reason) }
      return nil
    }
    if let known = try known(id, digest, session) { return known }
    guard manifest.totalBytes <= configuration.largestTransfer else {
      throw FileTransferError(
        .tooLarge, "the receiver takes no more than \(configuration.largestTransfer) bytes")
    }
    var note: FileNote?
    do {
      note = try await FileDestination.note(of: id, home: home, on: machine)
    } catch let error as FileError where error.code == .notFound {
      // Where another folder is chosen this one need not be there.
    }
    if isClosed { throw FileTransferError(.interrupted, "the exchange is closed") }
    // While the disk was asked, the sender may have come again.
    if let known = try known(id, digest, session) { return known }
    if let note {
      guard note.peer == session.peer else { throw Self.notYours }
      guard note.manifest == digest else { throw Self.othersNow }
      let transfer = IncomingTransfer(id, manifest, digest, from: session.peer, note)
      incoming.append(transfer)
      arriving.yield(accept(transfer, IncomingTransfer.Answer(name: note.name, folder: note.folder)))
      return transfer
    }
    return try offer(IncomingTransfer(id, manifest, digest, from: session.peer))
  }

  private func known(
    _ id: FileTransfer.ID, _ digest: [UInt8], _ session: IncomingSession
  ) throws -> IncomingTransfer? {
    guard let known = incoming.first(where: { $0.id == id }) else { return nil }
    guard known.peer == session.peer else { throw Self.notYours }
    guard known.digest == digest else { throw Self.othersNow }
    return known
  }

  private static let notYours = FileTransferError(.badMessage, "this number is another transfer's")
  private static let othersNow = FileTransferError(
    .changed, "these are not the files that were offered before: send them as a new transfer")

  /// Asks this program whether it wants it, where the policy does not say.
  private func offer(_ transfer: IncomingTransfer) throws -> IncomingTransfer {
    guard incoming.count(where: { $0.peer == transfer.peer }) < FileLimits.transfersOfPeer,
      incoming.count < FileLimits.transfersOfAll
    else { throw FileTransferError(.busy, "the receiver has too much to do") }
    let offer = FileOffer(transfer.id, transfer.manifest, from: transfer.peer, self)
    let isWanted =
      switch configuration.policy {
      case .ask: false
      case .everything: true
      case .when(let isWanted): isWanted(offer)
      }
    if !isWanted {
      let waiting = incoming.filter { $0.answer == nil }
      let ofPeer = waiting.count { $0.peer == transfer.peer }
      guard ofPeer < configuration.offersOfPeer, waiting.count < configuration.offers else {
        throw FileTransferError(.busy, "the receiver has too many offers")
      }
    }
    incoming.append(transfer)
    if isWanted {
      arriving.yield(accept(transfer, IncomingTransfer.Answer(name: offer.name)))
    } else {
      offering.yield(offer)
    }
    return transfer
  }

  func accept(_ id: FileTransfer.ID, as name: String?, into folder: String?) throws -> FileTransfer {
    guard let found = incoming.first(where: { $0.id == id }), found.ending == nil else {
      throw FileTransferError(.cancelled, "it is not offered any more", isRemote: true)
    }
    if let transfer = found.transfer { return transfer }
    let name = SafeName.made(of: name ?? found.manifest.root.name)
    return accept(found, IncomingTransfer.Answer(name: name, folder: folder))
  }

  @discardableResult
  private func accept(_ found: IncomingTransfer, _ answer: IncomingTransfer.Answer) -> FileTransfer {
    let transfer = FileTransfer(
      found.id, .receiving, answer.name, found.manifest, with: found.peer, on: machine)
    transfer.whenCancelled { [weak self] in
      self?.machine.spawn("cancelling") {
        await self?.end(found, with: FileTransferError(.cancelled, "it was cancelled"))
      }
    }
    (found.answer, found.transfer) = (answer, transfer)
    found.wake()
    return transfer
  }

  func refuse(_ id: FileTransfer.ID, _ reason: String) async {
    guard let found = incoming.first(where: { $0.id == id }), found.answer == nil else { return }
    await end(found, with: FileTransferError(.refused, reason))
  }

  // MARK: Its turn

  /// Makes this stream the one by which a transfer comes: the one before is given up.
  private func claim(_ transfer: IncomingTransfer, for session: IncomingSession) async throws {
    let before = transfer.session
    transfer.session = session
    transfer.timer?.cancel()
    transfer.wake()
    await before?.leave(FileTransferError(.interrupted, "the sender has come again"))
    try await change(of: transfer, "an older stream to end") {
      transfer.session !== session || transfer.worker == nil
    }
    try expectCurrent(transfer, session)
    transfer.worker = session
  }

  /// Waits until it is wanted, and there is room for one more.
  private func awaitTurn(of transfer: IncomingTransfer, _ session: IncomingSession) async throws {
    session.readAhead(on: machine) { transfer.wake() }
    try await change(of: transfer, "somebody to accept a file") {
      transfer.session !== session || transfer.ending != nil || session.hasMore || self.isTurn(of: transfer)
    }
    try expectCurrent(transfer, session)
    if session.hasMore {
      // Nothing should come before the answer: so this is the end, or makes no sense.
      guard let bytes = try await session.read() else {
        throw FileTransferError(.interrupted, "the sender has stopped", isRemote: true)
      }
      session.core.receive(bytes)
      _ = try session.core.poll()
      throw FileTransferError(.badMessage, "the sender does not wait for an answer")
    }
    transfer.isMoving = true
    transfer.transfer?.become(.moving)
  }

  private func isTurn(of transfer: IncomingTransfer) -> Bool {
    guard transfer.answer != nil else { return false }
    let moving = incoming.filter(\.isMoving)
    return moving.count < configuration.transfers
      && moving.count { $0.peer == transfer.peer } < configuration.transfersOfPeer
  }

  private func expectCurrent(_ transfer: IncomingTransfer, _ session: IncomingSession) throws {
    if let ending = transfer.ending { throw ending }
    guard transfer.session === session else {
      throw FileTransferError(.interrupted, "the sender has come again")
    }
  }

  private func change(
    of transfer: IncomingTransfer, _ what: @autoclosure @escaping @Sendable () -> String,
    _ isThere: () -> Bool
  ) async throws {
    while !isThere() {
      try await machine.suspend(what) { wait in if isThere() { wait.succeed(()) } else { transfer.wait(wait) }
      }
    }
  }

  func wakeAll() { for transfer in incoming { transfer.wake() } }

  // MARK: Receiving

  /// Does what the core wants, until the sender knows that everything is there.
  private func carry(_ transfer: IncomingTransfer, _ session: IncomingSession) async throws {
    let destination = try await destination(of: transfer)
    let (place, digest) = try await destination.place()
    try expectCurrent(transfer, session)
    session.core.accept(at: place, digest: digest)
    var writing: Task<[UInt8], any Error>?
    do {
      while true {
        while let wish = try session.core.poll() {
          switch wish {
          case .offer: preconditionFailure("it is offered once")
          case .send(let bytes): try await say(bytes, session)
          case .begin(let place):
            try await destination.begin(place)
            session.core.began()
          case .write(let bytes, let place): writing = destination.write(bytes, place)
          case .complete(let file):
            try await destination.complete(file)
            session.core.completed()
          case .finish:
            let path = try await destination.finish()
            session.core.finished()
            transfer.transfer?.finish(at: path)
            remember(transfer, nil)
          case .end: return try await destination.forget()
          }
        }
        let bytes = session.core.verifiedBytes
        transfer.transfer?.moved(to: bytes)
        if session.core.wantsBytes {
          try await readMore(session)
        } else {
          let written = writing!
          writing = nil
          try session.core.wrote(digest: try await written.value)
        }
      }
    } catch {
      // What is being written is to be known as right or wrong before another stream goes on.
      if let writing { try session.core.wrote(digest: try await writing.value) }
      throw error
    }
  }

  /// Says something. Where the sender does not listen any more, or is gone, what it has said before tells why.
  private func say(_ bytes: [UInt8], _ session: IncomingSession) async throws {
    do { try await session.stream.write(bytes) } catch is QUICError {}
  }

  private func readMore(_ session: IncomingSession) async throws {
    if let bytes = try await session.read() {
      session.core.receive(bytes)
    } else {
      try session.core.receivedEnd()
      // Whoever has heard all may not want to hear the end.
      try? await session.stream.finish()
    }
  }

  func destination(of transfer: IncomingTransfer) async throws -> FileDestination {
    if let known = transfer.destination { return known }
    let answer = transfer.answer!
    let made =
      if let note = transfer.note {
        try await FileDestination.resume(transfer.id, transfer.manifest, note, home: home, on: machine)
      } else {
        try await FileDestination.make(
          transfer.id, transfer.manifest, from: transfer.peer, as: answer.name, in: answer.folder,
          home: home,
          on: machine)
      }
    transfer.destination = made
    return made
  }

  /// Tells a sender that has not heard of it that everything is there.
  private func confirm(_ id: FileTransfer.ID, _ session: IncomingSession) async throws {
    session.core.accept(
      at: FilePlace(file: session.core.manifest!.files.count),
      digest: [UInt8](repeating: 0, count: FileFrame.digestBytes))
    while true {
      switch try session.core.poll() {
      case .send(let bytes): try await say(bytes, session)
      case .finish: session.core.finished()
      case .end: return try await FileDestination.forget(id, home: home, on: machine)
      default: try await readMore(session)
      }
    }
  }
}

import WarrenMachine
import WarrenQUIC

/// A transfer that this side sends. Used on the machine's executor alone.
final class OutgoingTransfer: @unchecked Sendable {
  let id: FileTransfer.ID
  let path: String
  let source: FileSource
  let transfer: FileTransfer
  let connect: @Sendable () async throws -> Connection
  var task: Task<Void, any Error>?
  /// Why it is to end, if this side wants it to.
  var ending: FileTransferError?
  /// How many bytes the other side has.
  var verifiedBytes: UInt64 = 0

  init(
    _ id: FileTransfer.ID, _ path: String, _ source: FileSource, _ transfer: FileTransfer,
    _ connect: @escaping @Sendable () async throws -> Connection
  ) {
    (self.id, self.path, self.source, self.transfer, self.connect) = (id, path, source, transfer, connect)
  }
}

/// One stream of it.
final class OutgoingSession: @unchecked Sendable {
  let stream: Connection.Stream
  var core: FileSendingCore
  /// Why there is no going on, as the other side says, or the stream.
  var failure: FileTransferError?
  private var waits: [Wait<Void>] = []

  init(_ stream: Connection.Stream, _ core: FileSendingCore) { (self.stream, self.core) = (stream, core) }

  func wait(_ wait: Wait<Void>) { waits.add(wait) }
  func wake() { waits.takeAll().endAll(.success(())) }
}

extension FileExchange {
  /// Sends a file, or a folder with all that is in it.
  ///
  /// - Parameters:
  ///   - path: where it is.
  ///   - name: what it is to be called, if not as it is.
  ///   - id: the number of a transfer that an earlier program has begun, to go on with it.
  ///   - connect: gives a connection with whoever is to have it: the first time, and again when one is lost.
  /// - Throws: a ``FileTransferError`` where there is nothing to send, or too much.
  public func send(
    _ path: String, as name: String? = nil, id: FileTransfer.ID? = nil,
    over connect: @escaping @Sendable () async throws -> Connection
  ) async throws -> FileTransfer {
    let source: FileSource
    do {
      source = try await FileSource.look(at: path, as: name, on: machine)
    } catch let error as FileError {
      throw FileTransferError(error)
    }
    if isClosed { throw FileTransferError(.closed, "the exchange is closed") }
    let id = id ?? FileTransfer.ID(bytes: machine.randomBytes(FileTransfer.ID.byteCount))
    guard !outgoing.contains(where: { $0.id == id }) else {
      throw FileTransferError(.busy, "this transfer is under way already")
    }
    let transfer = FileTransfer(
      id, .sending, source.manifest.root.name, source.manifest, skipped: source.skipped, on: machine)
    let sent = OutgoingTransfer(id, path, source, transfer, connect)
    transfer.whenCancelled { [weak self] in
      self?.assumeIsolated { $0.end(sent, with: FileTransferError(.cancelled, "it was cancelled")) }
    }
    outgoing.append(sent)
    sent.task = machine.spawn("sending \(path)") {
      let error = await self.carry(sent)
      self.outgoing.removeAll { $0 === sent }
      sent.source.rest()
      if let error { transfer.become(.failed(error)) } else { transfer.finish(at: path) }
    }
    return transfer
  }

  func end(_ sent: OutgoingTransfer, with error: FileTransferError) {
    guard sent.ending == nil else { return }
    sent.ending = error
    sent.task?.cancel()
  }

  /// Sends over one connection after the other, until everything is there.
  ///
  /// - Returns: why it is not.
  private func carry(_ sent: OutgoingTransfer) async -> FileTransferError? {
    var pause = FileLimits.firstPause
    var (since, before) = (machine.now, sent.verifiedBytes)
    var hasConnected = false
    while true {
      let start = machine.now
      do {
        if let ending = sent.ending { return ending }
        let connection = try await sent.connect()
        hasConnected = true
        try await transmit(sent, over: connection)
        return nil
      } catch {
        if let ending = sent.ending { return ending }
        let error = FileTransferError(meaning: error)
        sent.source.rest()
        guard hasConnected else {
          return FileTransferError(.lost, "nobody could be reached: \(error.reason)")
        }
        guard error.isTemporary else { return error }
        // What has gone well, or for long, has not failed: somebody may think about an offer for hours.
        if sent.verifiedBytes > before || start.duration(to: machine.now) > FileLimits.lastPause {
          (since, before, pause) = (machine.now, sent.verifiedBytes, FileLimits.firstPause)
        }
        sent.transfer.become(error.code == .busy ? .waiting : .interrupted)
        guard since.duration(to: machine.now) < configuration.patience else {
          return FileTransferError(
            .lost,
            "the receiver has not come back in \(configuration.patience); the last was: \(error.reason)")
        }
      }
      try? await machine.sleep(for: pause)
      pause = min(pause * 2, FileLimits.lastPause)
    }
  }

  /// Sends over one connection.
  private func transmit(_ sent: OutgoingTransfer, over connection: Connection) async throws {
    let stream = try await connection.openStream()
    let session = OutgoingSession(stream, FileSendingCore(id: sent.id, sent.source.manifest))
    let listening = machine.spawn("answers to \(sent.path)") { await self.listen(session, of: sent) }
    do {
      // What people say to each other on other streams does not wait for a film.
      await stream.setPriority(-1)
      try await stream.write(Self.streamMark)
      try await speak(session, of: sent)
    } catch {
      let failure = sent.ending ?? FileTransferError(meaning: error)
      // Whoever stands still behind a full window is not to be waited for when this side wants to end.
      await stream.leave(failure, saysWhy: sent.ending == nil)
      listening.cancel()
      _ = await listening.result
      if !failure.isRemote { await stream.farewell(on: machine) }
      throw failure
    }
    try? await stream.finish()
    // Everything is there. The receiver puts its notes away when it knows that this side knows: so it is waited for.
    let watch = machine.spawn("a farewell") { [machine] in
      try await machine.sleep(for: FileLimits.farewell)
      await stream.stop(code: 0)
    }
    _ = await listening.result
    watch.cancel()
  }

  /// Does what the core wants, until everything is there.
  private func speak(_ session: OutgoingSession, of sent: OutgoingTransfer) async throws {
    while true {
      if let failure = session.failure { throw failure }
      guard let wish = session.core.poll() else {
        try await change(of: session, "the receiver of \(sent.path)") { session.core.hasWish }
        continue
      }
      switch wish {
      case .send(let bytes): try await write([bytes], session, of: sent)
      case .sendBlock(let head, let bytes): try await write([head, bytes], session, of: sent)
      case .check(let place): session.core.checked(try await sent.source.digest(upTo: place))
      case .read(let place, let count):
        let (bytes, digest) = try await sent.source.read(place, count: count)
        session.core.read(bytes, digest: digest)
      case .end: return
      }
    }
  }

  private func write(_ pieces: [[UInt8]], _ session: OutgoingSession, of sent: OutgoingTransfer) async throws
  {
    do {
      for bytes in pieces { try await session.stream.write(bytes) }
    } catch is QUICError {
      // The other side says why, or has done so before it went.
      try await change(of: session, "why \(sent.path) is not wanted") { false }
    }
  }

  private func change(
    of session: OutgoingSession, _ what: @autoclosure @escaping @Sendable () -> String, _ isThere: () -> Bool
  ) async throws {
    // Between the call and here others may have run: what is true now decides.
    try await machine.suspend(what) { wait in
      if session.failure != nil || isThere() { wait.succeed(()) } else { session.wait(wait) }
    }
  }

  /// Hears what the other side says, to its end.
  private func listen(_ session: OutgoingSession, of sent: OutgoingTransfer) async {
    do {
      while let bytes = try await session.stream.read() {
        try session.core.receive(bytes)
        heard(session, of: sent)
      }
      throw FileTransferError(.interrupted, "the receiver has stopped in the middle", isRemote: true)
    } catch {
      if !session.core.isEnded { session.failure = FileTransferError(meaning: error) }
    }
    session.wake()
  }

  private func heard(_ session: OutgoingSession, of sent: OutgoingTransfer) {
    let core = session.core
    sent.source.verified(core.verified)
    sent.verifiedBytes = max(sent.verifiedBytes, core.verifiedBytes)
    if core.isAccepted {
      sent.transfer.become(.moving)
      sent.transfer.moved(to: core.verifiedBytes)
    }
    session.wake()
  }
}

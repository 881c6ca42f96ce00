import CQUIC
import WarrenCrypto
import WarrenMachine

extension ConnectionCore {
  /// What the library calls. None of these calls it back: it says so, and it is right.
  nonisolated(unsafe) static var callbacks = cquic_callbacks(
    random: { owner, bytes, count in
      let core = connection(owner)
      core.endpoint.fill(UnsafeMutableRawBufferPointer(start: bytes, count: count))
    },
    new_id: { owner, id, count, token in
      let core = connection(owner)
      core.endpoint.makeID(for: core, id!, count, token!)
    },
    retired_id: { owner, id, count in
      let core = connection(owner)
      core.endpoint.retire(ConnectionID(id!, count: count))
    },
    verify: { owner, kind, key, count in
      connection(owner).verify(kind, UnsafeRawBufferPointer(start: key, count: count)) ? 0 : 1
    },
    handshake_completed: { connection($0).handshakeCompleted() },
    handshake_confirmed: {
      let core = connection($0)
      core.isTaken = true
      core.events.append(.taken)
    },
    stream_opened: { owner, id in
      let core = connection(owner)
      guard core.carriesStreams || core.beginEarly() else { return nil }
      let stream = core.adopt(id, isOurs: false)
      core.events.append(.stream(stream))
      return Unmanaged.passUnretained(stream).toOpaque()
    },
    stream_data: { _, pointer, bytes, count, isLast in
      stream(pointer).arrived(UnsafeBufferPointer(start: bytes, count: count), isLast: isLast != 0)
    },
    stream_acknowledged: { _, pointer, count in stream(pointer).wasAcknowledged(Int(count)) },
    stream_reset: { _, pointer, code in stream(pointer).wasReset(code: code) },
    stream_window: { _, pointer in
      let stream = stream(pointer)
      stream.isBlocked = false
      if stream.hasToSend { stream.connection.enqueue(stream) }
    },
    stream_closed: { owner, pointer, _ in connection(owner).streamClosed(stream(pointer)) },
    more_streams: { owner, isBidirectional in
      connection(owner).events.append(.moreStreams(isBidirectional: isBidirectional != 0))
    },
    datagram: { owner, bytes, count in
      connection(owner).datagramArrived(UnsafeBufferPointer(start: bytes, count: count))
    },
    was_reset: { connection($0).wasForgotten = true },
    path_validated: { owner, path, isUsable in
      let core = connection(owner)
      if isUsable != 0 { core.unprovenSince = nil }
      guard let path = core.real(core.names.decoded(path!.pointee)) else { return }
      core.lastHeard = nil
      core.events.append(.path(path, isUsable: isUsable != 0))
    },
    ticket: { owner, bytes, count in
      connection(owner).keepTicket(UnsafeBufferPointer(start: bytes, count: count))
    },
    qlog: { owner, bytes, count in
      connection(owner).qlog?(Array(UnsafeBufferPointer(start: bytes, count: count)))
    },
    secret: { owner, label, chance, secret, count in
      connection(owner).tellSecret(
        String(cString: label!), UnsafeBufferPointer(start: chance, count: 32),
        UnsafeBufferPointer(start: secret, count: count))
    })

  private static func connection(_ owner: UnsafeMutableRawPointer?) -> ConnectionCore {
    Unmanaged<ConnectionCore>.fromOpaque(owner!).takeUnretainedValue()
  }

  private static func stream(_ pointer: UnsafeMutableRawPointer?) -> StreamCore {
    Unmanaged<StreamCore>.fromOpaque(pointer!).takeUnretainedValue()
  }

  /// Only this one is the other side from now on; who has proven already who it is stays.
  func expect(_ peer: PeerID) { if self.peer == nil { expected = peer } }

  /// Whether the other side is who it should be.
  private func verify(_ kind: cquic_certificate, _ key: UnsafeRawBufferPointer) -> Bool {
    guard kind != CQUIC_X509_EXPIRED, let found = PeerID(subjectPublicKeyInfo: RawSpan(_unsafeBytes: key))
    else {
      return false
    }
    let isExpected = expected.map { $0 == found } ?? true
    guard isExpected, side == .client || expected != nil || endpoint.configuration.accepts(found) else {
      wrongPeer = side == .client || !isExpected ? found : nil
      return false
    }
    peer = found
    return true
  }

  private func handshakeCompleted() {
    guard cquic_is_resumed(handle) == 0 || recognizes() else { return }
    if side == .client, isEarly, cquic_was_early(handle) == 0 || protocolName != agreedProtocol {
      loseEarly()
    }
    protocolName = agreedProtocol
    phase = .open
    if side == .server { isTaken = true }
    endpoint.handshakeEnded(self)
    if !carriesStreams { events.append(.opened) }
    carriesStreams = true
    events.append(.confirmed)
  }

  private func datagramArrived(_ bytes: UnsafeBufferPointer<UInt8>) {
    if incomingDatagrams.count >= QUICLimits.waitingDatagrams {
      _ = incomingDatagrams.popFirst()
      droppedDatagrams += 1
    }
    incomingDatagrams.append(Array(bytes))
    guard !hasToldDatagrams else { return }
    hasToldDatagrams = true
    events.append(.datagrams)
  }

  private func tellSecret(
    _ label: String, _ chance: UnsafeBufferPointer<UInt8>, _ secret: UnsafeBufferPointer<UInt8>
  ) {
    keyLog?("\(label) \(chance.hexText) \(secret.hexText)")
  }
}

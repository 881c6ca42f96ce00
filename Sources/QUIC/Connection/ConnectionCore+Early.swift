import CQUIC
import WarrenCrypto

/// What is sent and taken before the two can know that both are there (RFC 9001, 4.6): whoever has recorded a client's first
/// packets can send them again.
extension ConnectionCore {
  /// A client comes back with what it was given: it may use streams at once.
  func begin(with ticket: TicketStore.Ticket) {
    isEarly = true
    carriesStreams = true
    peer = expected
    protocolName = ticket.protocolName
    events.append(.opened)
  }

  /// A server takes the first stream of a client that has come back.
  ///
  /// - Returns: whether the client is wanted.
  func beginEarly() -> Bool {
    guard recognizes() else { return false }
    isEarly = true
    carriesStreams = true
    protocolName = agreedProtocol
    events.append(.opened)
    return true
  }

  /// TLS has not asked whether the other side, which it knows from a ticket, is wanted still: so this does.
  func recognizes() -> Bool {
    isUnwanted = isUnwanted || cquic_ask_peer(handle) != 0
    return !isUnwanted
  }

  /// The other side has not taken what was sent early.
  func loseEarly() {
    earlyDataWasRefused = true
    cquic_forget_early(handle)
    let error = QUICError(.earlyDataRefused, isRemote: true)
    for (_, stream) in streams.sorted(by: { $0.key < $1.key }) {
      stream.isKnown = false
      stream.sendBuffer.removeAll()
      if stream.sending != .none { stream.sending = .ended(error) }
      if stream.receiving != .none { stream.receiving = .ended(error) }
      touch(stream)
    }
    streams = [:]
    sendQueue = SendQueue()
    waiting = []
    blocked = []
  }

  func keepTicket(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let peer else { return }
    endpoint.keep(TicketStore.Ticket(bytes: Array(bytes), protocolName: protocolName), for: peer)
  }

  /// What both have agreed to speak.
  var agreedProtocol: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { name in
      let count = cquic_protocol(handle, name.baseAddress, 255)
      return String(decoding: UnsafeRawBufferPointer(start: name.baseAddress, count: count), as: UTF8.self)
    }
  }
}

import WarrenMachine

/// UDP to a relay, through a socket of its own.
final class DatagramCarrier: RelayCarrier {
  let server: SocketAddress
  var localAddress: SocketAddress { socket.localAddress }
  let isReliable = false
  var isBlocked: Bool { !outbox.isEmpty }

  private let socket: any UDPSocket
  private var outbox = DatagramOutbox()

  init(_ socket: any UDPSocket, to server: SocketAddress) {
    self.socket = socket
    self.server = server
  }

  func start(_ user: any RelayCarrierUser) {
    let server = server
    socket.onDatagrams = { batch in
      batch.forEach { datagram in
        // Nobody else has anything to say here.
        if datagram.source == server { user.received(datagram.payload, ecn: datagram.ecn) }
      }
      user.receivedAll()
    }
    socket.onDeliveryFailure = { failure in
      guard failure.destination == server else { return }
      switch failure.reason {
      case .portUnreachable: user.undelivered(failure.excerpt, .connectionRefused(server))
      case .unreachable, .prohibited: user.undelivered(failure.excerpt, .unreachable(server))
      case .hopLimitExceeded, .tooLarge: return
      }
    }
  }

  func append(channel: UInt16, _ payload: RawSpan, ecn: ECN) -> Bool {
    let size = ChannelData.headerSize + payload.byteCount
    return outbox.append(to: server, ecn: ecn, capacity: size) { span in
      span.appendChannelHeader(channel, count: payload.byteCount)
      span.append(copying: payload)
    }
  }

  func append(message: RawSpan, ecn: ECN, isData: Bool) -> Bool {
    outbox.append(message, to: server, ecn: ecn)
  }

  func flush(_ user: any RelayCarrierUser) throws(NetworkError) {
    var failure: NetworkError?
    while !outbox.isEmpty {
      do {
        try socket.send(&outbox)
        break
      } catch {
        failure = failure ?? error
        // Nothing leaves any more.
        if error == .closed || error == .machineClosed { outbox.removeAll() }
      }
    }
    if !outbox.isEmpty { socket.onWritable = { user.becameWritable() } }
    if let failure { throw failure }
  }

  func close() { socket.close() }
}

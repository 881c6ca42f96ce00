import WarrenMachine
import WarrenSTUN

// Relayed addresses: opened as the core wishes, and closed when they are of no more use.
extension RelaySwitchboard {
  static func index(_ port: RelayPortNumber) -> Int { port.slot * 2 + (port.family == .v4 ? 0 : 1) }

  /// Opens what the core wishes for.
  func open(_ wish: RelayWish) -> SocketAddress? {
    guard !isClosed else { return nil }
    let index = Self.index(wish.port)
    if wish.transport == .tcp {
      doors[index] = listen(for: wish)
      return doors[index]?.localAddress
    }
    guard let socket = bind(wish) else { return nil }
    while ports.count <= index { ports.append(nil) }
    ports[index] = Port(socket)
    let number = wish.port
    socket.onDatagrams = { [weak self] batch in self?.take(batch, from: number) }
    socket.onDeliveryFailure = { [weak self] failure in self?.tell(failure, of: number) }
    return socket.localAddress
  }

  private func bind(_ wish: RelayWish) -> (any UDPSocket)? {
    if case .kept(let token) = wish.parity { return kept.removeValue(forKey: token) }
    // Not the core's: it is what asks.
    let range = portRange
    var options = UDPOptions()
    options.allowsFragmentation = true
    var random = machine.random
    for _ in 0..<RelayLimits.portChoices {
      var port = UInt16.random(in: range, using: &random)
      if wish.parity != .any { port &= ~1 }
      guard range.contains(port) else { continue }
      do throws(NetworkError) {
        let socket = try machine.bindUDP(to: SocketAddress(wish.ip, port: port), options: options)
        guard case .evenBefore(let token) = wish.parity else { return socket }
        if range.contains(port + 1),
          let next = try? machine.bindUDP(to: SocketAddress(wish.ip, port: port + 1), options: options)
        {
          kept[token] = next
          return socket
        }
        socket.close()
      } catch {
        // Somebody has the port, or nothing is left at all.
        guard case .addressInUse = error else { return nil }
      }
    }
    return nil
  }

  /// A datagram has not reached a peer, and somebody on the way has said so: its client is told, if it may hear from there
  /// (RFC 8656, 11.5).
  private func tell(_ failure: DeliveryFailure, of port: RelayPortNumber) {
    now = machine.now
    guard core.way(from: failure.destination, to: port.slot, at: now) != .none else { return }
    indications += 1
    writer.begin(.indication, .data, TransactionID(UInt32(truncatingIfNeeded: port.slot), indications))
    writer.add(.xorPeerAddress, masked: failure.destination)
    writer.add(.icmp, failure.relayed)
    core.count { $0.failures += 1 }
    send(writer.bytes, to: core.client(of: port.slot))
    flush()
  }

  // MARK: Time

  /// Closes what is of no more use, and looks when that will be so again.
  func tidyUp() {
    guard !isClosed else { return }
    while let closing = core.pollClosing() {
      switch closing {
      case .kept(let token): kept.removeValue(forKey: token)?.close()
      case .stream(let number, let client): close(number, client)
      case .port(let number):
        doors.removeValue(forKey: Self.index(number))?.close()
        guard ports.indices.contains(Self.index(number)), let port = ports[Self.index(number)] else {
          continue
        }
        if let box = port.box { port.socket.sendOrDrop(&box.datagrams) }
        port.socket.close()
        ports[Self.index(number)] = nil
      }
    }
    if let next = core.nextDeadline { timer?.schedule(at: next) } else { timer?.cancel() }
  }

  func handleDeadline() {
    now = machine.now
    core.handleDeadline(at: now)
    giveUpOverdue()
    tidyUp()
  }
}

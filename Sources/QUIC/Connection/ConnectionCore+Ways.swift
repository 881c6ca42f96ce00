import WarrenMachine

/// A handshake of which it is not known yet which way it will go.
extension ConnectionCore {
  /// What has been sent so far, for whoever carries it to the other side by other means.
  var flight: [[UInt8]] { ways?.flight ?? [] }

  /// The other side may be there as well: it gets what the others got.
  public func add(_ way: NetworkPath, at now: Instant) {
    guard phase == .handshaking || phase == .open, ways?.add(way) ?? false else { return }
    sendFlight(over: [way], at: now)
  }

  /// Says once more what has been said, on all ways, where nothing has come back yet: for whoever has reason to believe that it gets
  /// through now, and does not want to wait until the library says it again, which it does ever more seldom.
  func sayAgain(at now: Instant) {
    guard phase == .handshaking, side == .client, let ways, !ways.isHeard else { return }
    sendFlight(over: ways.all, at: now)
  }

  /// Nothing comes on the way in use, and this one may lead to the other side. Where that may not have heard yet that the handshake
  /// is done, it cannot be asked whether it does, and cannot be left out: it is told here as well.
  public func meet(on way: NetworkPath, at now: Instant) {
    guard phase == .open, side == .client, !isTaken, ways?.reopen(with: way) ?? false else { return }
    sendFlight(over: [way], at: now)
  }

  // MARK: As long as nothing has come back

  // The library's time stands still then. What it does in time is done here: the other side gets what it got before, since a new
  // packet would be answered together with the first one, and that one's age taken for the length of the way.

  /// When something is to be done that the library would do.
  var waitingDeadline: Instant? {
    libraryClock.standsStill ? .earliest(ways?.nextSaying, handshakeDeadline) : nil
  }

  /// Until when the handshake must be done.
  var handshakeDeadline: Instant? {
    guard phase == .handshaking, ways != nil else { return nil }
    let limit = endpoint.configuration.handshakeTimeout
    return limit > .zero ? began.advanced(by: limit) : nil
  }

  func handleWaiting(at now: Instant) {
    guard let next = ways?.nextSaying, next <= now else { return }
    ways?.sayAgain(after: probeTimeout, at: now)
    sayAgain(at: now)
  }

  /// Whether what comes over this path belongs to the handshake's ways.
  func isOnWay(_ path: NetworkPath, _ bytes: RawSpan) -> Bool {
    ways?.include(
      path, isHandshake: bytes.byteCount > 0 && bytes.unsafeLoad(as: UInt8.self) & 0x80 != 0, on: side)
      ?? false
  }

  /// Something has come over this path, and was read.
  func met(_ path: NetworkPath, _ byteCount: Int, isGenuine: Bool) {
    guard ways != nil, path.channel != NetworkPath.openChannel else { return }
    guard ways?.settled == nil else {
      if ways?.isReopened ?? false, isGenuine { ways?.settle(on: path) }
      if isTaken { ways?.forgetFlight() }
      return
    }
    ways?.isHeard = true
    if phase == .open {
      ways?.settle(on: path)
      outgoingPath = PathMemory()
    } else if side == .server, byteCount >= QUICLimits.smallestInitial {
      // A client's first packets: from somewhere new, as from behind a NAT that maps anew for each destination; or again, as
      // the answer has not come through a NAT that was closed then. What is answered is at most three times as much
      // (RFC 9000, 8.1).
      if ways?.all.contains(where: { $0.isSame(as: path) }) ?? false {
        sendFlight(over: [path], at: clock)
      } else {
        add(path, at: clock)
      }
    }
  }

  /// Where a packet really goes that the library sends over `path`; nil for all ways at once.
  func real(_ path: NetworkPath) -> NetworkPath? {
    path.channel == NetworkPath.openChannel ? ways?.settled : path
  }

  /// Where it goes now.
  func wayOut(_ path: NetworkPath) -> NetworkPath? { ways?.isReopened ?? false ? nil : real(path) }

  /// What a client says last in the handshake is said again elsewhere, if need be, until the other side has heard it.
  func rememberLastWord(_ packet: RawSpan) {
    guard side == .client, !isTaken, ways?.settled != nil, flight.count < QUICLimits.flight else { return }
    ways?.remember(packet.withUnsafeBytes { Array($0) }, sentAt: libraryTime(clock))
  }

  /// Sends a packet over all ways, and remembers it.
  func spread(_ packet: [UInt8]) {
    guard let ways else { return }
    for way in ways.all { sendElsewhere(packet, over: way) }
    self.ways?.remember(packet, sentAt: libraryTime(clock))
    self.ways?.said(at: clock)
    libraryClock.moved(at: clock)
    guard side == .client, phase == .handshaking, !ways.isHeard, !libraryClock.standsStill else { return }
    libraryClock.stop(at: clock)
    self.ways?.sayAgain(after: probeTimeout, at: clock)
  }

  /// Says there what has been said so far.
  private func sendFlight(over ways: [NetworkPath], at now: Instant) {
    guard !flight.isEmpty else { return }
    for way in ways {
      for packet in flight { sendElsewhere(packet, over: way) }
      self.ways?.said(on: way, at: now)
    }
    changed()
  }

  private func sendElsewhere(_ packet: [UInt8], over way: NetworkPath) {
    sent.add(packet.count)
    elsewhere.append((packet, way.channel, DatagramEnvelope(to: way.remote, from: way.local)))
  }
}

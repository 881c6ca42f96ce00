import WarrenMachine

/// A handshake of which it is not known yet which way it will go.
extension ConnectionCore {
  /// What has been sent so far, for whoever carries it to the other side by other means.
  var flight: [[UInt8]] { ways?.flight ?? [] }

  /// The other side may be there as well: it gets what the others got.
  public func add(_ way: NetworkPath) {
    guard phase == .handshaking || phase == .open, ways?.add(way) ?? false else { return }
    sendFlight(over: [way])
  }

  /// Says once more what has been said, on all ways, where nothing has come back yet: for whoever has reason to believe that it gets
  /// through now, and does not want to wait until the library says it again, which it does ever more seldom.
  func sayAgain() {
    guard phase == .handshaking, side == .client, let ways, !ways.isHeard else { return }
    sendFlight(over: ways.all)
  }

  /// Whether what comes over this path belongs to the handshake's ways.
  func isOnWay(_ path: NetworkPath, _ bytes: RawSpan) -> Bool {
    ways?.include(
      path, isHandshake: bytes.byteCount > 0 && bytes.unsafeLoad(as: UInt8.self) & 0x80 != 0, on: side)
      ?? false
  }

  /// Something has come over this path, and was read.
  func met(_ path: NetworkPath, _ byteCount: Int) {
    guard ways != nil, ways?.settled == nil, path.channel != NetworkPath.openChannel else { return }
    ways?.isHeard = true
    if phase == .open {
      ways?.settle(on: path)
      outgoingPath = PathMemory()
    } else if side == .server, byteCount >= QUICLimits.smallestInitial {
      // A client's first packets: from somewhere new, as from behind a NAT that maps anew for each destination; or again, as
      // the answer has not come through a NAT that was closed then. What is answered is at most three times as much
      // (RFC 9000, 8.1).
      if ways?.all.contains(where: { $0.isSame(as: path) }) ?? false {
        sendFlight(over: [path])
      } else {
        add(path)
      }
    }
  }

  /// Where a packet really goes that the library sends over `path`; nil for all ways at once.
  func real(_ path: NetworkPath) -> NetworkPath? {
    path.channel == NetworkPath.openChannel ? ways?.settled : path
  }

  /// Sends a packet over all ways, and remembers it.
  func spread(_ packet: [UInt8]) {
    guard let ways else { return }
    for way in ways.all { sendElsewhere(packet, over: way) }
    self.ways?.remember(packet, sentAt: libraryTime(clock))
    libraryClock.moved(at: clock)
  }

  /// Says there what has been said so far.
  private func sendFlight(over ways: [NetworkPath]) {
    for way in ways { for packet in flight { sendElsewhere(packet, over: way) } }
    changed()
  }

  private func sendElsewhere(_ packet: [UInt8], over way: NetworkPath) {
    sent.add(packet.count)
    elsewhere.append((packet, way.channel, DatagramEnvelope(to: way.remote, from: way.local)))
  }
}

import WarrenMachine

/// A packet that is on a link: it will arrive at the link's one end or the other.
struct Arrival {
  var packet: Packet
  var attachment: Attachment
  var direction: Direction

  enum Direction {
    /// Towards the network.
    case up
    /// Towards the machine or box.
    case down
  }
}

// How packets move: up a node's link into its network, and down another's to the node.
extension World {
  /// Gives a packet that begins its way a number of its own.
  func number(_ packet: inout Packet) {
    lastPacketNumber += 1
    packet.number = lastPacketNumber
  }

  /// Ends a packet's way.
  func drop(_ packet: Packet, at place: Trace.Place, because reason: String) {
    record(.dropped(Trace.Summary(packet), reason: reason), at: place)
    capture?.lost(packet, at: place, because: reason, now)
  }

  /// Puts `packet` on the link of `attachment`.
  func carry(_ packet: Packet, over attachment: Attachment, _ direction: Arrival.Direction) {
    let link = direction == .up ? attachment.up : attachment.down
    if packet.size > link.configuration.mtu {
      return carryTooLarge(packet, over: attachment, direction, mtu: link.configuration.mtu)
    }
    if direction == .up { capture?.saw(packet, at: attachment, .up, now) }
    if link.isIdeal {
      return arrive(Arrival(packet: packet, attachment: attachment, direction: direction))
    }
    if direction == .up ? attachment.up.spoils() : attachment.down.spoils() {
      guard let spoilt = direction == .up ? attachment.up.spoil(packet) : attachment.down.spoil(packet) else {
        let place = direction == .up ? attachment.node.place : attachment.network.place
        return drop(packet, at: place, because: Link.DropCause.corrupted.rawValue)
      }
      return put(spoilt, on: attachment, direction)
    }
    put(packet, on: attachment, direction)
  }

  /// A packet begins its way over a link, as it is.
  private func put(_ packet: Packet, on attachment: Attachment, _ direction: Arrival.Direction) {
    let fate =
      direction == .up
      ? attachment.up.carry(packet.size, at: now) : attachment.down.carry(packet.size, at: now)
    switch fate {
    case .arrives(let time):
      packetsOnTheirWay.add(
        Arrival(packet: packet, attachment: attachment, direction: direction), at: time)
    case .arrivesTwice(let first, let second):
      let arrival = Arrival(packet: packet, attachment: attachment, direction: direction)
      packetsOnTheirWay.add(arrival, at: first)
      packetsOnTheirWay.add(arrival, at: second)
    case .lost(let cause):
      let place = direction == .up ? attachment.node.place : attachment.network.place
      drop(packet, at: place, because: cause.rawValue)
    }
  }

  /// A packet has come to one end of a link.
  func arrive(_ arrival: Arrival) {
    switch arrival.direction {
    case .up: pass(arrival.packet, through: arrival.attachment.network, from: arrival.attachment)
    case .down:
      hops += 1
      capture?.saw(arrival.packet, at: arrival.attachment, .down, now)
      arrival.attachment.node.receive(arrival.packet, at: arrival.attachment)
    }
  }

  private func pass(_ packet: Packet, through network: Network, from origin: Attachment?) {
    switch network.decide(packet, from: origin) {
    case .pass(let target):
      var packet = packet
      packet.hopLimit -= network.routers
      for look in network.eavesdroppers { look(packet) }
      carry(packet, over: target, .down)
    case .drop(let cause, let report, let router):
      drop(packet, at: network.place, because: cause.rawValue)
      if let report { send(report, about: packet, by: router, in: network) }
    }
  }

  /// Sends the ICMP error that a router within a network has to say about `packet`.
  private func send(
    _ reason: DeliveryFailure.Reason, about packet: Packet, by router: IPAddress, in network: Network
  ) {
    guard var failure = packet.failure(reason, reportedBy: router) else { return }
    number(&failure)
    record(.sent(Trace.Summary(failure)), at: network.place)
    if case .pass(let target) = network.decide(failure, from: nil) {
      failure.hopLimit -= network.routers
      carry(failure, over: target, .down)
    }
  }

  /// IPv4 without the don't-fragment bit is cut; everything else comes back as an ICMP error (RFC 1191, RFC 8201).
  private func carryTooLarge(
    _ packet: Packet, over attachment: Attachment, _ direction: Arrival.Direction, mtu: Int
  ) {
    let network = attachment.network
    guard packet.mayBeFragmented, packet.source.ip.family == .v4, mtu >= Packet.smallestPart else {
      drop(packet, at: network.place, because: "larger than the link's \(mtu) bytes")
      send(.tooLarge(mtu: mtu), about: packet, by: network.router(1, packet.source.ip.family), in: network)
      return
    }
    for part in packet.cut(to: mtu) { carry(part, over: attachment, direction) }
  }
}

extension Packet {
  /// The smallest part there can be: its IPv4 header and eight bytes.
  static let smallestPart = 28

  /// The parts into which a router cuts this packet for a link of `mtu` bytes (RFC 791, 3.2).
  func cut(to mtu: Int) -> [Packet] {
    // Every part but the last carries a multiple of eight bytes; IPv6 has a header of its own for it (RFC 8200, 4.5).
    let room = max(8, (mtu - (source.ip.family == .v4 ? 20 : 48)) / 8 * 8)
    let start = fragment?.offset ?? 0
    let length = fragment?.length ?? transportSize
    return stride(from: 0, to: length, by: room).map { offset in
      var part = self
      let size = min(room, length - offset)
      part.fragment = Fragment(
        identification: fragment?.identification ?? UInt32(truncatingIfNeeded: number),
        offset: start + offset, length: size,
        isLast: offset + size == length && (fragment?.isLast ?? true))
      return part
    }
  }
}

import WarrenCrypto

/// What lets one come back to peers that were met before, and what was spoken with them.
struct TicketStore {
  struct Ticket {
    var bytes: [UInt8]
    var protocolName: String
  }

  private var tickets: [PeerID: [Ticket]] = [:]
  /// Whose tickets were kept longest ago first.
  private var peers: [PeerID] = []

  mutating func keep(_ ticket: Ticket, for peer: PeerID) {
    peers.removeAll { $0 == peer }
    if peers.count == QUICLimits.peersWithTickets { tickets[peers.removeFirst()] = nil }
    peers.append(peer)
    var all = tickets[peer] ?? []
    if all.count == QUICLimits.ticketsOfPeer { all.removeFirst() }
    tickets[peer] = all + [ticket]
  }

  /// The newest. Each is shown once: by a second time, whoever watches would know that it is the same client (RFC 8446, C.4).
  mutating func take(for peer: PeerID) -> Ticket? { tickets[peer]?.popLast() }
}

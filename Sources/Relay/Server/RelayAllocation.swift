import WarrenMachine
import WarrenSTUN

/// What a relay does for one client (RFC 8656, 2.2).
struct RelayAllocation {
  /// A relayed address, of which there is one of each family at most.
  struct Relay {
    /// As others are told.
    var announced: SocketAddress
    /// As this machine has it.
    var bound: SocketAddress
    var expiry: Instant
  }

  /// Who may send to it, from whatever port (RFC 8656, 2.3).
  struct Permission {
    var ip: IPAddress
    var expiry: Instant
  }

  /// A number for a peer (RFC 8656, 2.5).
  struct Channel {
    var number: UInt16
    var peer: SocketAddress
    var expiry: Instant
    /// That of the channel or of the peer's permission, whichever comes first.
    var usableUntil: Instant
  }

  var client: ServedClient
  var user: RelayGate.User
  /// What is spoken with its peers.
  var transport = TransportProtocol.udp
  var account: String
  /// Of the request that made it, which may come twice (RFC 8656, 7.2).
  var transaction: TransactionID
  var token: UInt64?
  /// The family for which there was no address although it was wished for, and why.
  var missing: STUNErrorCode?
  var v4: Relay?
  var v6: Relay?
  var permissions: [Permission] = []
  var channels: [Channel] = []
  /// The places of its connections with peers (RFC 6062).
  var streams: [Int] = []
  var budget: ByteBudget
  /// Where it stands among the deadlines.
  var place = -1

  func relay(_ family: IPAddress.Family) -> Relay? { family == .v4 ? v4 : v6 }

  /// When the next of its relayed addresses ends.
  var expiry: Instant { min(v4?.expiry ?? .distantFuture, v6?.expiry ?? .distantFuture) }

  /// When the last does.
  var end: Instant { max(v4?.expiry ?? Instant(nanoseconds: 0), v6?.expiry ?? Instant(nanoseconds: 0)) }

  func isPermitted(_ ip: IPAddress, at now: Instant) -> Bool {
    permissions.contains { $0.ip == ip && $0.expiry > now }
  }

  /// Whether `ips` can be let in besides those who are.
  func hasRoom(for ips: [IPAddress], atMost limit: Int, at now: Instant) -> Bool {
    var count = permissions.count { $0.expiry > now }
    for (place, ip) in ips.enumerated() where !isPermitted(ip, at: now) && !ips[..<place].contains(ip) {
      count += 1
    }
    return count <= limit
  }

  mutating func permit(_ ip: IPAddress, at now: Instant) {
    let expiry = now.advanced(by: RelayLimits.permissionLifetime)
    permissions.removeAll { $0.expiry <= now && $0.ip != ip }
    if let place = permissions.firstIndex(where: { $0.ip == ip }) {
      permissions[place].expiry = expiry
    } else {
      permissions.append(Permission(ip: ip, expiry: expiry))
    }
    for place in channels.indices where channels[place].peer.ip == ip {
      channels[place].usableUntil = min(expiry, channels[place].expiry)
    }
  }

  mutating func bind(_ number: UInt16, to peer: SocketAddress, at now: Instant) {
    let expiry = now.advanced(by: RelayLimits.channelLifetime)
    if let place = channels.firstIndex(where: { $0.number == number }) {
      channels[place].expiry = expiry
    } else {
      channels.append(Channel(number: number, peer: peer, expiry: expiry, usableUntil: now))
    }
    permit(peer.ip, at: now)
  }
}

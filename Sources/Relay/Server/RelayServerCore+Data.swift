import WarrenMachine
import WarrenSTUN

// What is relayed: asked once for all that comes together, without an allocation of memory.
extension RelayServerCore {
  /// Where goes what a client sends on a channel; nil where it goes nowhere.
  public func passage(onChannel number: UInt16, of slot: Int, at now: Instant) -> Passage? {
    guard
      let channel = slots[slot]?.channels.first(where: { $0.number == number && $0.usableUntil > now })
    else { return nil }
    return passage(to: channel.peer, of: slot)
  }

  /// Where goes what a client sends to a peer that it may send to.
  func passage(to peer: SocketAddress, of slot: Int) -> Passage? {
    let port = RelayPortNumber(slot: slot, family: peer.ip.family)
    guard own.contains(peer.ip) else { return Passage(port: port, peer: peer) }
    if let inside = relayed[peer] { return Passage(port: port, peer: peer, inside: inside) }
    // Nobody reaches this machine through itself, but where that was wished for; and its own clients' port never.
    guard reach.isPermitted(peer.ip), !isListening(peer) else { return nil }
    return Passage(port: port, peer: peer)
  }

  func isListening(_ address: SocketAddress) -> Bool {
    listening.contains {
      $0.port == address.port && $0.ip.family == address.ip.family
        && ($0.ip == address.ip || $0.ip.isUnspecified)
    }
  }

  /// How what comes from `peer` goes to the client of a slot.
  public func way(from peer: SocketAddress, to slot: Int, at now: Instant) -> Way {
    if let channel = slots[slot]?.channels.first(where: { $0.peer == peer && $0.usableUntil > now }) {
      return .channel(channel.number)
    }
    return slots[slot]?.isPermitted(peer.ip, at: now) == true ? .indication : .none
  }

  /// Whether so many bytes more may pass, which then count.
  public mutating func spend(_ count: Int, of slot: Int, at now: Instant) -> Bool {
    if configuration.bandwidth == nil, configuration.totalBandwidth == nil { return true }
    guard slots[slot]!.budget.spend(count, of: configuration.bandwidth, at: now),
      totalBudget.spend(count, of: configuration.totalBandwidth, at: now)
    else {
      counters.overBandwidth += 1
      return false
    }
    return true
  }

  /// Changes what is counted: for what only the shell sees.
  public mutating func count(_ change: (inout RelayCounters) -> Void) { change(&counters) }

  /// What a client sends to whom it names (RFC 8656, 11.2).
  mutating func receiveSend(
    _ message: borrowing STUNMessage, from client: ServedClient, at now: Instant
  ) -> Reaction {
    guard let slot = clients[client], slots[slot]!.transport == .udp,
      let peer = message.maskedAddress(.xorPeerAddress),
      let data = message.value(of: .data), peer.port != 0,
      !message.hasUnknown(besides: { $0 == .xorPeerAddress || $0 == .data || $0 == .dontFragment })
    else {
      counters.ignored += 1
      return .none
    }
    guard slots[slot]!.isPermitted(peer.ip, at: now), var passage = passage(to: peer, of: slot) else {
      counters.unpermitted += 1
      return .none
    }
    passage.isWhole = message.has(.dontFragment)
    let range = message.bytes.byteOffsets(of: data) ?? 0..<0
    return .relay(passage, range)
  }
}

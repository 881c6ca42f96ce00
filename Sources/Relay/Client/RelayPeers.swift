import WarrenMachine

/// With whom an allocation talks: their permissions and channels (RFC 8656, 9 to 12).
///
/// What each datagram needs is one look into a table each way: the rest is asked by ``AllocationCore``.
struct RelayPeers {
  /// One peer.
  struct Peer {
    enum State: Hashable {
      /// Its channel is asked for.
      case asking
      /// It has a channel.
      case bound
      /// It has none, and only a permission, or is about to.
      case unbound
      /// The server does not let it.
      case refused
      /// Nobody has talked with it for long: what it has is not renewed.
      case resting
    }

    let address: SocketAddress
    let channel: UInt16
    var state = State.asking
    /// Whether there was a datagram either way since the last round.
    var isUsed = true
    var idleRounds = 0
    /// When it may be forgotten, and its channel given to another.
    var endsAt = Instant.distantFuture
  }

  struct Permission {
    /// Whether the server has said yes.
    var isGranted = false
    /// Whether somebody has asked for it by name: it is renewed without being used.
    var isKept = false
  }

  private(set) var slots: [Peer?] = []
  private var slotOfPeer: [SocketAddress: Int] = [:]
  /// By number less the first; -1 where there is none.
  private var slotOfChannel: [Int16] = []
  private var nextChannel = 0
  private var permissions: [IPAddress: Permission] = [:]
  /// The order in which they were asked for.
  private(set) var permittedIPs: [IPAddress] = []

  var count: Int { slotOfPeer.count }

  // MARK: The data path

  @inline(__always)
  func slot(of address: SocketAddress) -> Int? { slotOfPeer[address] }

  @inline(__always)
  mutating func use(_ slot: Int) { slots[slot]?.isUsed = true }

  @inline(__always)
  mutating func boundChannel(_ slot: Int) -> UInt16? {
    guard let peer = slots[slot], peer.state == .bound else { return nil }
    if !peer.isUsed { slots[slot]?.isUsed = true }
    return peer.channel
  }

  /// Whose channel a number is, as long as the server may use it.
  @inline(__always)
  mutating func receive(on channel: UInt16) -> SocketAddress? {
    let place = Int(channel) - Int(ChannelData.numbers.lowerBound)
    guard slotOfChannel.indices.contains(place), slotOfChannel[place] >= 0 else { return nil }
    let slot = Int(slotOfChannel[place])
    slots[slot]?.isUsed = true
    return slots[slot]?.address
  }

  // MARK: Peers

  /// A new peer, with a channel's number that nobody has; nil where there is no room.
  mutating func add(_ address: SocketAddress) -> Int? {
    guard count < RelayClientLimits.peers else { return nil }
    let slot = slots.firstIndex { $0 == nil } ?? slots.count
    if slot == slots.count { slots.append(nil) }
    if slotOfChannel.isEmpty { slotOfChannel = Array(repeating: -1, count: ChannelData.numbers.count) }
    // There are more numbers than there may be peers.
    while slotOfChannel[nextChannel] >= 0 { nextChannel = (nextChannel + 1) % slotOfChannel.count }
    slotOfChannel[nextChannel] = Int16(slot)
    slots[slot] = Peer(address: address, channel: ChannelData.numbers.lowerBound + UInt16(nextChannel))
    nextChannel = (nextChannel + 1) % slotOfChannel.count
    slotOfPeer[address] = slot
    return slot
  }

  mutating func set(_ slot: Int, _ state: Peer.State, endsAt: Instant = .distantFuture) {
    slots[slot]?.state = state
    slots[slot]?.endsAt = endsAt
  }

  /// The peers at an address that wait for it to be permitted.
  func waiting(at ip: IPAddress) -> [Int] {
    slots.indices.filter { slot in
      guard let peer = slots[slot], peer.address.ip == ip else { return false }
      return peer.state == .asking || peer.state == .unbound
    }
  }

  /// Those in this state, in order.
  func all(_ state: Peer.State) -> [Int] { slots.indices.filter { slots[$0]?.state == state } }

  /// Lets those go whom nobody has talked with since some rounds ago, and forgets those whose time has come.
  mutating func endRound(at now: Instant, restingUntil end: Instant) {
    for slot in slots.indices {
      guard var peer = slots[slot] else { continue }
      if peer.endsAt <= now {
        slotOfPeer[peer.address] = nil
        slotOfChannel[Int(peer.channel - ChannelData.numbers.lowerBound)] = -1
        slots[slot] = nil
        continue
      }
      peer.idleRounds = peer.isUsed ? 0 : peer.idleRounds + 1
      peer.isUsed = false
      slots[slot] = peer
      if peer.idleRounds >= RelayClientLimits.idleRounds, peer.state == .bound || peer.state == .unbound {
        set(slot, .resting, endsAt: end)
      }
    }
    let active = Set(
      slots.compactMap { $0 }.filter { $0.state != .resting && $0.state != .refused }.map(\.address.ip))
    permittedIPs.removeAll { ip in
      guard permissions[ip]?.isKept != true, !active.contains(ip) else { return false }
      permissions[ip] = nil
      return true
    }
  }

  // MARK: Permissions

  @inline(__always)
  func isPermitted(_ ip: IPAddress) -> Bool { permissions[ip]?.isGranted == true }

  func isKnown(_ ip: IPAddress) -> Bool { permissions[ip] != nil }

  /// Asks for a permission, or takes the server's word for it.
  mutating func permit(_ ip: IPAddress, isGranted: Bool = false, isKept: Bool = false) {
    if permissions[ip] == nil { permittedIPs.append(ip) }
    permissions[ip, default: Permission()].isGranted = permissions[ip]?.isGranted == true || isGranted
    permissions[ip, default: Permission()].isKept = permissions[ip]?.isKept == true || isKept
  }

  mutating func forget(_ ip: IPAddress) {
    permissions[ip] = nil
    permittedIPs.removeAll { $0 == ip }
  }
}

import WarrenMachine

/// Decides whether a packet may go to an address from which nobody has proven yet to be the peer.
///
/// Whoever can make us believe that a victim is their address aims our packets at it. So it must have been attested
/// by somebody trusted, or lie in a private network, and there gets little.
struct SendPermit {
  private let trust: PunchConfiguration.Trust
  private var attested: [IPAddress] = []
  /// Relays at which the peer may be: they get little, and nobody looks for ports there.
  private var relays: [IPAddress]
  private var relayAllowance = PunchLimits.relayedBytes
  private var proven: [IPAddress] = []
  private var earned: [(ip: IPAddress, bytes: Int)] = []
  private var spent = 0
  private var allowance = 0
  /// Packets that were not sent.
  private(set) var refused = 0

  init(_ trust: PunchConfiguration.Trust, relays: [IPAddress] = []) {
    self.trust = trust
    self.relays = relays
  }

  /// There is a relay as well.
  mutating func allow(relay ip: IPAddress) {
    if !relays.contains(ip) { relays.append(ip) }
  }

  /// The peer has signalled with so many bytes, and these of its addresses were seen in use.
  mutating func signalled(byteCount: Int, attesting addresses: [IPAddress]) {
    allowance += PunchLimits.amplification * byteCount
    for ip in addresses where !attested.contains(ip) && attested.count < PunchLimits.rememberedAddresses {
      attested.append(ip)
    }
  }

  /// A check of the peer's came from this address, if one may believe its source: that earns it an answer.
  mutating func earn(_ byteCount: Int, by ip: IPAddress) {
    guard !isAttested(ip) else { return }
    let bytes = PunchLimits.amplification * byteCount
    if let place = earned.firstIndex(where: { $0.ip == ip }) {
      earned[place].bytes += bytes
    } else {
      if earned.count >= PunchLimits.rememberedAddresses { earned.removeFirst() }
      earned.append((ip, bytes))
    }
  }

  /// The peer has answered from this address.
  mutating func prove(_ ip: IPAddress) {
    guard !proven.contains(ip) else { return }
    if proven.count >= PunchLimits.rememberedAddresses { proven.removeFirst() }
    proven.append(ip)
  }

  /// Whether the address was seen in use, or has proven itself.
  func isAttested(_ ip: IPAddress) -> Bool {
    trust == .peer || attested.contains(ip) || (proven.contains(ip) && !relays.contains(ip))
  }

  /// Whether so many bytes may be sent there; counts them if so.
  mutating func spend(_ byteCount: Int, on ip: IPAddress) -> Bool {
    if isAttested(ip) { return true }
    if relays.contains(ip), relayAllowance >= byteCount {
      relayAllowance -= byteCount
      return true
    }
    if let place = earned.firstIndex(where: { $0.ip == ip && $0.bytes >= byteCount }) {
      earned[place].bytes -= byteCount
      return true
    }
    guard ip.isPrivate || ip.isCarrierShared || ip.isLinkLocal || ip.isLoopback else {
      refused += 1
      return false
    }
    // One allowance for all addresses: it is the peer's word that costs, not each name in it.
    guard spent + byteCount <= allowance else {
      refused += 1
      return false
    }
    spent += byteCount
    return true
  }
}

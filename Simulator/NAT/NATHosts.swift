import WarrenMachine

/// An inside address that has mappings.
struct NATHost: Sendable {
  var address: IPAddress
  var mappingCount = 0
  /// Which outside address it was paired with, by its place in the pool.
  var pairedAddress: Int?
  /// Its blocks of ports, by number.
  var blocks: [Int] = []
  /// Its mappings by when they were last used.
  var recency = RecencyOrder.Ends()
}

/// The inside addresses that have mappings.
struct NATHosts: Sendable {
  var slots = Slots<NATHost>()
  private var byAddress: [IPAddress: Int] = [:]

  /// The slot of a host, made if need be.
  mutating func enter(_ address: IPAddress) -> Int {
    if let slot = byAddress[address] { return slot }
    let slot = slots.insert(NATHost(address: address))
    byAddress[address] = slot
    return slot
  }

  /// Forgets a host that has no mappings left.
  ///
  /// - Returns: the blocks of ports that it had.
  mutating func leaveIfIdle(_ slot: Int) -> [Int] {
    guard slots.elements[slot].mappingCount == 0 else { return [] }
    let host = slots.elements[slot]
    byAddress[host.address] = nil
    slots.elements[slot].blocks = []
    slots.remove(slot)
    return host.blocks
  }
}

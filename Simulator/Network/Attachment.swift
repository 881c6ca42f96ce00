import WarrenMachine

/// Where a machine or a NAT hangs on a network: its addresses there, and the link between.
final class Attachment {
  // Both are the world's, and so is this.
  unowned(unsafe) let network: Network
  unowned(unsafe) let node: any PacketNode
  /// Its addresses on this network.
  var addresses: [NetworkInterface.Address]
  /// Towards the network.
  var up: Link
  /// Towards the node.
  var down: Link

  init(
    _ node: any PacketNode, to network: Network, addresses: [NetworkInterface.Address], up: Link, down: Link
  ) {
    self.node = node
    self.network = network
    self.addresses = addresses
    self.up = up
    self.down = down
  }

  func address(_ family: IPAddress.Family) -> IPAddress? {
    addresses.first { $0.ip.family == family }?.ip
  }

  /// Whether it has this address.
  func has(_ ip: IPAddress) -> Bool {
    for address in addresses where address.ip == ip { return true }
    return false
  }

  /// Whether `address` is a neighbour's on this network.
  func isOnLink(_ address: IPAddress) -> Bool {
    addresses.contains { IPPrefix($0.ip, length: $0.prefixLength).contains(address) }
  }
}

/// What packets arrive at: a machine, or a box between two networks.
protocol PacketNode: AnyObject {
  var place: Trace.Place { get }
  func receive(_ packet: Packet, at attachment: Attachment)
}

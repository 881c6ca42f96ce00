import WarrenMachine

/// Machines that change networks.
extension SimulatedMachine {
  /// Has another IPv4 address on its network, as with a new lease. What is bound to no address in particular stays bound.
  public func renumber() {
    for attachment in attachments {
      let network = attachment.network
      attachment.addresses = attachment.addresses.map { address in
        guard address.ip.family == .v4 else { return address }
        network.detach(address.ip)
        let new = network.plan.takeV4()
        network.attach(attachment, as: new.ip)
        return new
      }
    }
    addressesChanged()
    world.record(.note("is now \(ownAddresses.map(\.description).joined(separator: ", "))"), at: place)
  }

  /// Has another address besides, as one that several servers of the internet have in common (anycast).
  public func addAddress(_ ip: IPAddress) {
    let attachment = attachments[0]
    attachment.addresses.append(NetworkInterface.Address(ip, prefixLength: ip.family == .v4 ? 32 : 128))
    attachment.network.attach(attachment, as: ip)
    addressesChanged()
  }

  /// Leaves its networks, and hangs on the one behind a box: from one Wi-Fi to another, or to a carrier's network. It speaks what those
  /// speak who are there.
  public func roam(behind box: Box) {
    for attachment in attachments {
      for address in attachment.addresses { attachment.network.detach(address.ip) }
    }
    let network = box.inside.network
    let links = (attachments[0].up, attachments[0].down)
    removeAttachments()
    let families = network.families ?? []
    // A network in which nobody is gives IPv4 addresses.
    var addresses = families == [.v6] ? [] : [network.plan.takeV4()]
    if families.contains(.v6) { addresses.append(network.plan.takeV6()) }
    attach(to: network, addresses: addresses, up: links.0, down: links.1)
    world.record(.note("is behind \(box.name) now"), at: place)
  }
}

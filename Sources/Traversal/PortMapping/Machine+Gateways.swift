import WarrenMachine

extension Machine {
  /// The gateways of one family that are to be asked, each with this machine's address towards it.
  func gatewaysToAsk(for family: IPAddress.Family) throws(NetworkError) -> [PortMappingCore.Gateway] {
    let interfaces = try interfaces().filter { !$0.isLoopback }
    let gateways = try gateways().filter { $0.family == family }
    return gateways.prefix(PortMappingLimits.gateways).compactMap { gateway in
      interfaces.address(towards: gateway).map { PortMappingCore.Gateway(address: gateway, client: $0) }
    }
  }
}

extension [NetworkInterface] {
  /// The address from which a gateway is asked, and for which it opens a hole.
  func address(towards gateway: IPAddress) -> IPAddress? {
    func fits(_ address: NetworkInterface.Address) -> Bool {
      address.ip.family == gateway.family && !address.ip.isLinkLocal
    }
    if gateway.zone != 0 {
      return first { $0.index == gateway.zone }?.addresses.first(where: fits)?.ip
    }
    let all = flatMap(\.addresses).filter(fits)
    let neighbour = all.first { IPPrefix($0.ip, length: $0.prefixLength).contains(gateway) }
    // Where the gateway is no neighbour (a link between two points), any address of this machine may do.
    return (neighbour ?? all.first)?.ip
  }
}

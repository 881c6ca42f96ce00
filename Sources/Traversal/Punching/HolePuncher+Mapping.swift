import WarrenMachine

/// Outside ports that gateways give: one more candidate each, until the puncher is closed.
extension HolePuncher {
  func mapPorts() {
    guard let mapper = configuration.portMapper else { return }
    let ports =
      sockets.map { (TransportProtocol.udp, $0.udp.localAddress) }
      + listeners.map { (TransportProtocol.tcp, $0.localAddress) }
    for (transport, local) in ports {
      core.questionBegan()
      tasks.append(
        machine.spawn("a port mapping for \(local)") {
          let mapping = try? await mapper.map(port: local.port, transport, family: local.ip.family)
          self.portMapped(mapping, transport, local)
        })
    }
  }

  private func portMapped(_ mapping: PortMapping?, _ transport: TransportProtocol, _ local: SocketAddress) {
    guard !isClosed else {
      if let mapping { unmap(mapping) }
      return
    }
    if let mapping { mappings.append(mapping) }
    core.portMapped(mapping?.outside, transport, localPort: local.port)
    drain()
  }

  func unmapPorts() {
    for mapping in mappings { unmap(mapping) }
    mappings = []
  }

  private func unmap(_ mapping: PortMapping) {
    guard let mapper = configuration.portMapper else { return }
    machine.spawn("end of a port mapping") { await mapper.unmap(mapping) }
  }
}

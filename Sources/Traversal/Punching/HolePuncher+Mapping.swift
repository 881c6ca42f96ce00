import WarrenMachine

/// Outside ports that gateways give: one more candidate each, until the puncher is closed.
extension HolePuncher {
  func mapPorts() {
    guard let mapper = configuration.portMapper else { return }
    tasks.append(
      machine.spawn("changes of port mappings") {
        for try await change in mapper.changes { self.take(change) }
      })
    for (transport, local) in mappedPorts {
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
    if let mapping { note(mapping) }
    core.questionEnded()
    drain()
  }

  /// The ports that are to be had from outside.
  private var mappedPorts: [(TransportProtocol, SocketAddress)] {
    sockets.compactMap { $0 }.filter(\.isGeneral).map { (.udp, $0.udp.localAddress) }
      + listeners.map { (.tcp, $0.localAddress) }
  }

  /// A gateway may restart, or be another one: what it gave is elsewhere then.
  private func take(_ change: PortMapper.Change) {
    guard !isClosed else { return }
    switch change {
    case .mapped(let mapping), .moved(_, let mapping):
      guard mappedPorts.contains(where: { mapping.isFor($0, $1) }) else { return }
      note(mapping)
    case .lost(let mapping):
      mappings.removeAll { $0.outside == mapping.outside && $0.transport == mapping.transport }
      core.portUnmapped(
        mapping.transport, localPort: mapping.localPort, family: mapping.outside.ip.family)
    }
    drain()
  }

  private func note(_ mapping: PortMapping) {
    mappings.removeAll {
      $0.localPort == mapping.localPort && $0.transport == mapping.transport
        && $0.outside.ip.family == mapping.outside.ip.family
    }
    mappings.append(mapping)
    core.portMapped(mapping.outside, mapping.transport, localPort: mapping.localPort)
  }

  func unmapPorts() {
    // What leads to somebody else's socket is theirs, who may use it on.
    let others = sockets.compactMap { $0 }.filter { !$0.isOwn }.map(\.udp.localAddress)
    for mapping in mappings where !others.contains(where: { mapping.isFor(.udp, $0) }) { unmap(mapping) }
    mappings = []
  }

  private func unmap(_ mapping: PortMapping) {
    guard let mapper = configuration.portMapper else { return }
    machine.spawn("end of a port mapping") { await mapper.unmap(mapping) }
  }
}

extension PortMapping {
  fileprivate func isFor(_ transport: TransportProtocol, _ local: SocketAddress) -> Bool {
    self.transport == transport && localPort == local.port && outside.ip.family == local.ip.family
  }
}

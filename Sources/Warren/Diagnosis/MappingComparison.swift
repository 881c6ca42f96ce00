import WarrenMachine
import WarrenSTUN
import WarrenTraversal

/// Asks several STUN servers from one socket where they see it: whether its outside port is the same for all.
actor MappingComparison {
  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  private var outsides: [SocketAddress: SocketAddress] = [:]
  private var asked: Set<SocketAddress> = []

  init(on machine: any Machine) { self.machine = machine }

  /// - Returns: nil where fewer than two have answered.
  func run(asking servers: [SocketAddress]) async throws -> NATKind.Dependence? {
    guard servers.count > 1, let family = servers.first?.ip.family else { return nil }
    let socket = try machine.bindUDP(to: .any(family))
    defer { socket.close() }
    asked = Set(servers)
    var random = machine.random
    let id = TransactionID(using: &random)
    socket.deliver(to: self) { comparison, batch in comparison.take(batch, id) }
    var writer = STUNMessageWriter()
    var outbox = DatagramOutbox()
    for _ in 0..<DiagnosisLimits.questions where outsides.count < asked.count {
      for server in servers where outsides[server] == nil {
        writer.begin(.request, .binding, id)
        outbox.append(writer.bytes, to: server)
      }
      socket.sendOrDrop(&outbox)
      try await machine.sleep(for: DiagnosisLimits.comparison)
    }
    guard outsides.count > 1 else { return nil }
    if Set(outsides.values).count == 1 {
      // Two ports of one address look alike also to a NAT that goes by addresses.
      return Set(outsides.keys.map(\.ip)).count > 1 ? .endpointIndependent : nil
    }
    // Two ports of one address that see two ports.
    let byIP = Dictionary(grouping: outsides.keys, by: \.ip).values
    let differs = byIP.contains { Set($0.map { outsides[$0] }).count > 1 }
    return differs || !byIP.contains { $0.count > 1 } ? .addressAndPortDependent : .addressDependent
  }

  private func take(_ batch: borrowing DatagramBatch, _ id: TransactionID) {
    batch.forEach { datagram in
      guard asked.contains(datagram.source), let message = try? STUNMessage(datagram.payload),
        message.transactionID == id, message.messageClass == .success, let outside = message.mappedAddress
      else { return }
      outsides[datagram.source] = outside
    }
  }
}

import Warren
import WarrenSimulator

/// One STUN server on two machines, since a simulated one has a single address of a family: what is asked of one may
/// be answered by the other.
actor TwoAddressServer {
  /// What a server may be unable to do.
  enum Fault: CaseIterable {
    /// It has one address, as most have.
    case hasOneAddress
    /// It names another address, at which nobody is.
    case otherAddressIsDead
    /// It refuses to answer from elsewhere.
    case refusesChangeRequest
    /// It answers from where it was asked, whatever was wished.
    case ignoresChangeRequest
    /// It refuses to answer to another port.
    case refusesResponsePort
    /// It answers to where it was asked from, whatever was wished.
    case ignoresResponsePort
  }

  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  private let fault: Fault?
  private let addresses: STUNServerCore.Addresses
  private var core: STUNServerCore
  private var sockets: [any UDPSocket] = []
  private var writer = STUNMessageWriter()
  private var outbox = DatagramOutbox(byteCapacity: 4096, runCapacity: 16)

  private init(_ one: SimulatedMachine, _ other: SimulatedMachine, _ fault: Fault?) {
    machine = one
    self.fault = fault
    addresses = .init(
      primary: SocketAddress(one.address(), port: 3478),
      alternate: SocketAddress(other.address(), port: 3479))
    core = STUNServerCore(fault == .hasOneAddress ? .init(primary: addresses.primary) : addresses)
  }

  /// Begins to serve until the world ends.
  ///
  /// - Returns: where to ask.
  static func start(
    _ one: SimulatedMachine, _ other: SimulatedMachine, fault: Fault? = nil
  ) async throws -> SocketAddress {
    let server = TwoAddressServer(one, other, fault)
    try await server.bind(fault == .hasOneAddress || fault == .otherAddressIsDead ? [one] : [one, other])
    return server.addresses.primary
  }

  private func bind(_ machines: [SimulatedMachine]) throws {
    for machine in machines {
      for port in fault == .otherAddressIsDead ? [3478] : [3478, 3479] as [UInt16] {
        let socket = try machine.bindUDP(to: SocketAddress(machine.address(), port: port))
        sockets.append(socket)
        let local = socket.localAddress
        socket.deliver(to: self) { server, batch in server.answer(batch, at: local) }
      }
    }
    // It is kept until the world ends.
    machine.spawn("server") {
      try await self.machine.sleep(for: .seconds(86_400))
      _ = self
    }
  }

  private func answer(_ batch: borrowing DatagramBatch, at local: SocketAddress) {
    batch.forEach { datagram in
      guard var route = route(datagram.payload, from: datagram.source, at: local),
        let socket = sockets.first(where: { $0.localAddress == route.source })
      else { return }
      if fault == .ignoresResponsePort { route.destination = datagram.source }
      outbox.append(writer.bytes, to: route.destination)
      socket.sendOrDrop(&outbox)
    }
  }

  private func route(
    _ bytes: RawSpan, from source: SocketAddress, at local: SocketAddress
  ) -> STUNServerCore.Route? {
    let route = core.receive(bytes, from: source, at: local, into: &writer)
    guard let request = try? STUNMessage(bytes), let route else { return route }
    switch fault {
    case .refusesChangeRequest? where request.has(.changeRequest),
      .refusesResponsePort? where request.has(.responsePort):
      writer.beginAnswer(.failure, to: request)
      writer.add(.unknownAttribute, saysReason: false)
      return .init(destination: source, source: local)
    case .ignoresChangeRequest? where request.has(.changeRequest):
      writer.beginAnswer(.success, to: request)
      writer.add(.xorMappedAddress, masked: source)
      return .init(destination: source, source: local)
    default: return route
    }
  }
}

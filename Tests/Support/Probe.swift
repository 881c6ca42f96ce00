import WarrenMachine

/// A UDP socket with a memory: all that happened to it.
public actor Probe {
  public nonisolated let machine: any Machine
  public nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  public struct Received: Hashable, Sendable {
    public var bytes: [UInt8]
    public var from: SocketAddress
    public var to: IPAddress?
    public var ecn: ECN
    public var hopLimit: UInt8?

    public init(bytes: [UInt8], from: SocketAddress, to: IPAddress?, ecn: ECN, hopLimit: UInt8?) {
      (self.bytes, self.from, self.to, self.ecn, self.hopLimit) = (bytes, from, to, ecn, hopLimit)
    }
  }

  public private(set) var received: [Received] = []
  public private(set) var failures: [DeliveryFailure] = []
  public private(set) var socket: (any UDPSocket)!
  private var enough: (count: Int, wait: Wait<Void>)?

  public init(on machine: any Machine) { self.machine = machine }

  @discardableResult
  public func bind(
    _ address: SocketAddress = .any(.v4), _ change: @Sendable (inout UDPOptions) -> Void = { _ in }
  ) throws -> SocketAddress {
    var options = UDPOptions()
    change(&options)
    let socket = try machine.bindUDP(to: address, options: options)
    socket.deliver(to: self) { probe, batch in
      batch.forEach { datagram in
        probe.received.append(
          Received(
            bytes: datagram.payload.withUnsafeBytes { Array($0) }, from: datagram.source,
            to: datagram.localIP, ecn: datagram.ecn, hopLimit: datagram.hopLimit))
      }
      probe.check()
    }
    socket.onDeliveryFailure = { [weak self] failure in
      self?.assumeIsolated {
        $0.failures.append(failure)
        $0.check()
      }
    }
    self.socket = socket
    return socket.localAddress
  }

  private func check() {
    if let enough, received.count + failures.count >= enough.count { enough.wait.succeed(()) }
  }

  /// Waits until so many datagrams or reports have come, ten seconds at most.
  public func waitFor(_ count: Int) async {
    let machine = machine
    try? await machine.withDeadline(.seconds(10)) { try await self.waitForEver(count) }
  }

  private func waitForEver(_ count: Int) async throws {
    try await machine.suspend({ "datagrams" }) { wait in
      enough = (count, wait)
      check()
    }
  }

  public func send(
    _ bytes: [UInt8], to address: SocketAddress, ecn: ECN = .notCapable, hopLimit: UInt8? = nil
  ) throws {
    var outbox = DatagramOutbox()
    outbox.append(bytes.span.bytes, to: address, ecn: ecn, hopLimit: hopLimit)
    try socket.send(&outbox)
  }

  public func close() { socket.close() }
}

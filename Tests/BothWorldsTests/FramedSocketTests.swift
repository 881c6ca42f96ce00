import TestSupport
import Testing
import Warren
import WarrenSimulator

@Suite("Datagrams over TCP")
struct FramedSocketTests {
  /// Both ends of a TCP connection, with datagrams over it. Used on the machines' executors alone.
  private actor End {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private var socket: FramedSocket?
    private var outbox = DatagramOutbox()
    private(set) var heard: [[UInt8]] = []
    private(set) var isLost = false

    init(on machine: any Machine) { self.machine = machine }

    /// Sends over a connection that is broken, and touches the outbox when it is told so, as others do.
    func sendInVain() async throws {
      use(BrokenConnection(on: machine))
      socket?.onLost = { [weak self] _ in
        self?.assumeIsolated { end in
          end.outbox.append([2].span.bytes, to: SocketAddress(.loopback(.v4), port: 2))
          end.isLost = true
        }
      }
      outbox.append([1].span.bytes, to: SocketAddress(.loopback(.v4), port: 2))
      try socket?.send(&outbox)
    }

    func dial(_ address: SocketAddress) async throws {
      let tcp = try machine.openTCP(to: address, options: TCPOptions())
      try await tcp.opened()
      use(tcp)
    }

    func listen(at ip: IPAddress) throws -> SocketAddress {
      let listener = try machine.listenTCP(on: SocketAddress(ip, port: 0), options: TCPOptions())
      listener.onConnection = { [weak self] in
        guard let tcp = try? listener.acceptNow() else { return }
        nonisolated(unsafe) let unchecked = tcp
        self?.assumeIsolated { $0.use(unchecked) }
      }
      return listener.localAddress
    }

    private func use(_ tcp: any TCPConnection) {
      let socket = FramedSocket(over: tcp)
      self.socket = socket
      socket.deliver(to: self) { end, batch in
        batch.forEach { datagram in end.heard.append(datagram.payload.withUnsafeBytes { Array($0) }) }
      }
      socket.onLost = { [weak self] _ in self?.assumeIsolated { $0.isLost = true } }
    }

    var isOpen: Bool { socket != nil }

    /// Sends all of these, as fast as TCP takes them.
    func send(_ datagrams: [[UInt8]]) async throws {
      let socket = try #require(socket)
      for datagram in datagrams {
        while !append(datagram, to: socket.remoteAddress) { try await flush() }
      }
      while !outbox.isEmpty { try await flush() }
    }

    private func append(_ datagram: [UInt8], to address: SocketAddress) -> Bool {
      outbox.append(datagram.span.bytes, to: address)
    }

    private func flush() async throws {
      try socket?.send(&outbox)
      if !outbox.isEmpty { try await machine.sleep(for: .milliseconds(1)) }
    }

    func sendElsewhere() throws {
      outbox.append([1, 2, 3].span.bytes, to: SocketAddress(.loopback(.v4), port: 9))
      try socket?.send(&outbox)
    }

    func close() { socket?.close() }

    func wait(until isTrue: @Sendable (isolated End) -> Bool) async throws {
      for _ in 0..<3_000 where !isTrue(self) { try await machine.sleep(for: .milliseconds(10)) }
    }
  }

  private func pair(
    _ world: TwoMachines, _ body: @escaping @Sendable (End, End) async throws -> Void
  ) async throws {
    try await world.run { pair in
      let (alice, bob) = (End(on: pair.alice), End(on: pair.bob))
      try await alice.dial(try await bob.listen(at: pair.bobIP(.v4)))
      try await bob.wait { $0.isOpen }
      try await body(alice, bob)
      await alice.close()
      await bob.close()
    }
  }

  @Test("come whole, once and in order, both ways at once", arguments: TwoMachines.allCases)
  func whole(world: TwoMachines) async throws {
    try await pair(world) { alice, bob in
      var random = SeededRandom(4)
      let there = (0..<400).map { _ in random.bytes(Int.random(in: 1...1_400, using: &random)) }
      let back = (0..<400).map { _ in random.bytes([1, 1_200].randomElement(using: &random)!) }
      async let sent: Void = alice.send(there)
      async let answered: Void = bob.send(back)
      _ = try await (sent, answered)
      try await bob.wait { $0.heard.count >= 400 }
      try await alice.wait { $0.heard.count >= 400 }
      #expect(await bob.heard == there)
      #expect(await alice.heard == back)
    }
  }

  @Test("go to one other side alone", arguments: TwoMachines.allCases)
  func elsewhere(world: TwoMachines) async throws {
    try await pair(world) { alice, bob in
      await #expect(throws: NetworkError.self) { try await alice.sendElsewhere() }
      try await alice.send([[7]])
      try await bob.wait { !$0.heard.isEmpty }
      #expect(await bob.heard == [[7]])
    }
  }

  @Test(
    "have ended when nothing is being sent: whoever is told so may send elsewhere",
    arguments: TwoMachines.allCases)
  func endsLater(world: TwoMachines) async throws {
    try await world.run { pair in
      let end = End(on: pair.alice)
      await #expect(throws: NetworkError.self) { try await end.sendInVain() }
      try await end.wait { $0.isLost }
      #expect(await end.isLost)
    }
  }

  @Test("end where the connection does", arguments: TwoMachines.allCases)
  func ends(world: TwoMachines) async throws {
    try await pair(world) { alice, bob in
      try await alice.send([[1], [2]])
      await alice.close()
      try await bob.wait { $0.isLost }
      #expect(await bob.heard == [[1], [2]])
      #expect(await bob.isLost)
    }
  }
}

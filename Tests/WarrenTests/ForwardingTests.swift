import TestSupport
import Testing
import WarrenLaboratory
import WarrenSimulator

@testable import Warren

@Suite("Ports that others share")
struct ForwardingTests {
  /// Two peers behind NATs, of which bob shares ports with alice.
  private struct Scene: Sendable {
    let world: World
    let alice: Peer
    let bob: Peer

    var here: SimulatedMachine { world.machine("alice") }
    var there: SimulatedMachine { world.machine("bob") }

    func forwarder(to port: UInt16) -> PortForwarder {
      PortForwarder(on: here, to: port) { try await alice.connect(to: "bob") }
    }
  }

  private func play(
    sharing ports: @escaping @Sendable (SimulatedMachine) -> [SharedPort],
    _ body: @escaping @Sendable (Scene, Guarded<[String]>) async throws -> Void
  ) async throws {
    let world = World(seed: 1) {
      Machine("alice").behind(.portRestrictedCone)
      Machine("bob").behind(.symmetric)
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
    try await world.run { world in
      let setting = try await PeerSetting(in: world)
      let alice = try await setting.peer("alice")
      let bob = try await setting.peer("bob") { $0.policy = .everyone }
      let seen = Guarded<[String]>([])
      let gate = PortGate(on: bob.machine, sharing: ports(world.machine("bob")))
      bob.machine.spawn("what happens") {
        for await event in gate.events {
          seen.withLock { seen in
            switch event {
            case .opened(let port, _): seen.append("opened \(port.number)")
            case .refused(let error, _): seen.append("refused \(error.code)")
            }
          }
        }
      }
      bob.machine.spawn("those who come") {
        for await connection in bob.connections { gate.takeAll(of: connection) }
      }
      try await body(Scene(world: world, alice: alice, bob: bob), seen)
      await alice.close()
      await bob.close()
    }
  }

  @Test("a connection here is one there, through two NATs: all bytes, both ends, several at once")
  func connections() async throws {
    try await play(sharing: { [SharedPort(80, to: SocketAddress($0.address(.v4), port: 8000))] }) {
      scene, seen in
      try scene.there.shout(at: .any(.v4, port: 8000))
      let forwarder = scene.forwarder(to: 80)
      let place = try await forwarder.listen(at: .any(.v4))
      let here = scene.here
      let address = SocketAddress(here.address(.v4), port: place.port)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<5 {
          group.addTask {
            try await here.run("a client") {
              let connection = try await here.connectTCP(to: address)
              nonisolated(unsafe) let unchecked = connection
              let said = [UInt8](repeating: UInt8(0x41 + number), count: 300_000)
              let writing = here.spawn("saying") {
                try await unchecked.write(said)
                try unchecked.finish()
              }
              var heard: [UInt8] = []
              while let bytes = try await connection.read() { heard += bytes }
              try await writing.value
              #expect(heard == said.map { $0 ^ 0x20 })
              connection.close()
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(seen.withLock { $0 } == Array(repeating: "opened 80", count: 5))
      await forwarder.close()
    }
  }

  @Test("what is not shared is refused, and what does not answer is said to be so")
  func refusals() async throws {
    try await play(sharing: {
      [SharedPort(80, to: SocketAddress($0.address(.v4), port: 8000)), SharedPort(53, .udp)]
    }) {
      scene, seen in
      for (port, transport, code) in [
        (81, .tcp, .notShared), (80, .udp, .notShared), (53, .tcp, .notShared), (80, .tcp, .notReachable),
      ] as [(UInt16, TransportProtocol, ForwardError.Code)] {
        do {
          _ = try await scene.forwarder(to: port).open(transport)
          Issue.record("\(port) is open")
        } catch let error as ForwardError {
          #expect(error.code == code && error.reason.hasPrefix("the other side: "))
        }
      }
      try await scene.here.sleep(for: .seconds(1))
      #expect(seen.withLock { $0 }.count == 4)
      // Nonsense ends its stream, and nothing else.
      let stream = try await scene.alice.connect(to: "bob").openStream()
      try await stream.write(PortGate.streamMark + [99, 0, 80])
      await #expect(throws: ForwardError.self) { try await ForwardRequest.readAnswer(from: stream) }
      // What is no request is broken off, and says so to whoever waits for an answer.
      let other = try await scene.alice.connect(to: "bob").openStream()
      try await other.write([1, 2, 3, 4])
      await #expect(throws: QUICError.self) { _ = try await other.read(exactly: 1) }
      // Whoever is refused here has its connection reset.
      let forwarder = scene.forwarder(to: 81)
      let place = try await forwarder.listen(at: .any(.v4))
      let here = scene.here
      try await here.run("a client") {
        let connection = try await here.connectTCP(to: SocketAddress(here.address(.v4), port: place.port))
        await #expect(throws: NetworkError.self) { while try await connection.read() != nil {} }
        connection.close()
      }
      await forwarder.close()
    }
  }

  @Test("datagrams of several conversations go there and back, large ones too, and are not mixed up")
  func datagrams() async throws {
    try await play(sharing: { [SharedPort(53, .udp, to: SocketAddress($0.address(.v4), port: 5300))] }) {
      scene, _ in
      let (here, there) = (scene.here, scene.there)
      let echo = Echo(on: there)
      try await echo.bind(port: 5300)
      let forwarder = scene.forwarder(to: 53)
      let place = try await forwarder.bind(at: .any(.v4))
      let address = SocketAddress(here.address(.v4), port: place.port)
      _ = try await scene.alice.connect(to: "bob")
      let probes = [Probe(on: here), Probe(on: here)]
      for (number, probe) in probes.enumerated() {
        try await probe.bind()
        for size in [1, 100, 1400] {
          try await probe.send([UInt8](repeating: UInt8(number), count: size), to: address)
          try await here.sleep(for: .milliseconds(500))
        }
        let received = await probe.received
        #expect(received.map(\.bytes.count) == [1, 100, 1400])
        #expect(received.allSatisfy { $0.from == address && $0.bytes.allSatisfy { $0 == UInt8(number) } })
      }
      #expect(await echo.sources.count == 2)
      // A conversation that is silent is forgotten there.
      try await here.sleep(for: ForwardLimits.flowSilence * 2)
      try await probes[0].send([7], to: address)
      try await here.sleep(for: .milliseconds(500))
      #expect(await echo.sources.count == 3)
      await forwarder.close()
    }
  }

  @Test(
    "who asks from another port each time, as for names, is served for ever, and what is silent makes room")
  func manyConversations() async throws {
    try await play(sharing: { [SharedPort(53, .udp, to: SocketAddress($0.address(.v4), port: 5300))] }) {
      scene, _ in
      let here = scene.here
      let echo = Echo(on: scene.there)
      try await echo.bind(port: 5300)
      _ = try await scene.alice.connect(to: "bob")
      let forwarder = scene.forwarder(to: 53)
      let place = try await forwarder.bind(at: .any(.v4))
      let address = SocketAddress(here.address(.v4), port: place.port)
      for number in 0..<ForwardLimits.streams * 2 {
        let probe = Probe(on: here)
        try await probe.bind()
        try await probe.send([UInt8(number & 255)], to: address)
        try await here.sleep(for: .milliseconds(200))
        #expect(await probe.received.count == 1, "question \(number)")
        await probe.close()
      }
      await forwarder.close()
    }
  }

  @Test("what breaks on one side is broken on the other")
  func broken() async throws {
    try await play(sharing: { [SharedPort(80, to: SocketAddress($0.address(.v4), port: 8000))] }) {
      scene, _ in
      let (here, there) = (scene.here, scene.there)
      let listener = try there.listenTCP(on: .any(.v4, port: 8000))
      let forwarder = scene.forwarder(to: 80)
      let place = try await forwarder.listen(at: .any(.v4))
      nonisolated(unsafe) let unchecked = listener
      let accepting = there.spawn("the other end") {
        let connection = try await unchecked.accept()
        _ = try await connection.read()
        connection.reset()
      }
      try await here.run("a client") {
        let connection = try await here.connectTCP(to: SocketAddress(here.address(.v4), port: place.port))
        try await connection.write([1, 2, 3])
        await #expect(throws: NetworkError.self) { while try await connection.read() != nil {} }
        connection.close()
      }
      try await accepting.value
      await forwarder.close()
    }
  }
}

/// Says every datagram back.
private actor Echo {
  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  private var socket: (any UDPSocket)?
  private(set) var sources: Set<SocketAddress> = []

  init(on machine: any Machine) { self.machine = machine }

  func bind(port: UInt16) throws {
    let socket = try machine.bindUDP(to: .any(.v4, port: port))
    self.socket = socket
    socket.deliver(to: self) { echo, batch in
      batch.forEach { datagram in
        echo.sources.insert(datagram.source)
        var outbox = DatagramOutbox()
        outbox.append(datagram.payload, to: datagram.source)
        echo.socket?.sendOrDrop(&outbox)
      }
    }
  }
}

import TestSupport
import Testing
import Warren
import WarrenSimulator

@testable import WarrenRelay
@testable import WarrenSTUN

@Suite("A relay's server, written once")
struct RelayServerTests {
  @Test(
    "carries datagrams of all sizes both ways, on channels and without", arguments: TwoMachines.allCases,
    RelayVisitor.Carrier.allCases)
  func bothWays(world: TwoMachines, carrier: RelayVisitor.Carrier) async throws {
    try await RelayScene.run(world) { scene in
      let visitor = try await scene.visitor(over: carrier)
      let relayed = try await visitor.allocate()
      #expect(relayed.ip == scene.pair.bobIP(.v4))
      let peer = Probe(on: scene.pair.alice)
      let port = try await peer.bind().port
      let address = SocketAddress(scene.pair.aliceIP(.v4), port: port)
      try await visitor.permit(address)

      try await visitor.indicate([1, 2, 3], to: address)
      await peer.waitFor(1)
      #expect(await peer.received.map(\.from) == [relayed])
      try await peer.send([4, 5], to: relayed)
      let (from, data) = try await visitor.hearIndication()
      #expect(from == address && data == [4, 5])

      try await visitor.bind(0x4123, to: address)
      let payloads = [0, 1, 2, 3, 4, 500, 1200, 1200, 1200, 7].map {
        [UInt8](repeating: UInt8($0 & 255), count: $0)
      }
      try await visitor.send(all: payloads, on: 0x4123)
      await peer.waitFor(1 + payloads.count)
      #expect(await peer.received.dropFirst().map(\.bytes) == payloads)
      for payload in payloads {
        try await peer.send(payload, to: relayed)
        #expect(try await visitor.hearOn(0x4123) == payload)
      }
      let counters = await scene.server.counters
      #expect(counters.toPeers == 1 + payloads.count && counters.toClients == 1 + payloads.count)
      #expect(counters.bytesToPeers == 3 + payloads.reduce(0) { $0 + $1.count })
      #expect(counters.unsent == 0 && counters.unpermitted == 0)
      await visitor.close()
      await peer.close()
    }
  }

  @Test(
    "tells a client of a datagram that reached nobody, and of none to whom it may not send",
    arguments: TwoMachines.allCases)
  func undelivered(world: TwoMachines) async throws {
    try await RelayScene.run(world) { scene in
      let alice = scene.pair.alice
      let plain = scene.addresses.plain[0]
      let server = RelayServerAddress(
        host: "\(plain.ip)", port: plain.port, username: "alice", password: "secret")
      let socket = try await RelayClient.allocate(at: [server], on: alice)
      nonisolated(unsafe) var failures: [DeliveryFailure] = []
      socket.onDeliveryFailure = { failures.append($0) }
      let peer = SocketAddress.nobody(at: scene.pair.aliceIP(.v4))
      var outbox = DatagramOutbox()
      outbox.append([1, 2, 3].span.bytes, to: peer)
      try socket.send(&outbox)
      for _ in 0..<1000 where failures.isEmpty { try await alice.sleep(for: .milliseconds(10)) }
      #expect(failures.map(\.reason) == [.portUnreachable] && failures.map(\.destination) == [peer])
      #expect(await scene.server.counters.failures == 1)
      socket.close()
    }
  }

  @Test("sends whole what is to arrive whole or not at all, and says that it was too large")
  func whole() async throws {
    try await RelayScene.run(.simulated) { scene in
      let alice = try #require(scene.pair.alice as? SimulatedMachine)
      alice.downlink.configuration.mtu = 1000
      let visitor = try await scene.visitor()
      #expect(
        try await visitor.succeeds(.allocate) {
          $0.add(.requestedTransport, 17 << 24 as UInt32)
          $0.add(.dontFragment)
        })
      let peer = Probe(on: alice)
      let address = SocketAddress(scene.pair.aliceIP(.v4), port: try await peer.bind().port)
      try await visitor.permit(address)
      let (small, large) = ([UInt8](repeating: 1, count: 900), [UInt8](repeating: 2, count: 1300))
      for round in 1...3 {
        try await visitor.indicate(small, to: address)
        try await visitor.indicate(large, to: address)
        try await visitor.indicate(small, to: address, isWhole: true)
        try await visitor.indicate(large, to: address, isWhole: true)
        let bytes = try await visitor.next()
        let message = try STUNMessage(bytes.span.bytes)
        let failure = DeliveryFailure(relayed: message, about: address, by: address.ip)
        #expect(failure?.reason == .tooLarge(mtu: 1000))
        #expect(await peer.received.count == 3 * round)
        #expect(await peer.received.suffix(3).map(\.bytes) == [small, large, small])
      }
      // What goes through a channel says nothing of it, and is cut.
      try await visitor.bind(0x4000, to: address)
      try await visitor.send(large, on: 0x4000)
      await peer.waitFor(10)
      #expect(await peer.received.last?.bytes == large)
      await visitor.close()
      await peer.close()
    }
  }

  @Test("lets nobody in from outside who was not named", arguments: TwoMachines.allCases)
  func strangers(world: TwoMachines) async throws {
    try await RelayScene.run(world) { scene in
      let visitor = try await scene.visitor()
      let relayed = try await visitor.allocate()
      let peer = Probe(on: scene.pair.alice)
      let port = try await peer.bind().port
      for _ in 0..<3 { try await peer.send([1], to: relayed) }
      // What is let in must not overtake what is not.
      for _ in 0..<500 where await scene.server.counters.unpermitted < 3 {
        try await scene.pair.alice.sleep(for: .milliseconds(10))
      }
      try await visitor.permit(SocketAddress(scene.pair.aliceIP(.v4), port: port))
      try await peer.send([2], to: relayed)
      #expect(try await visitor.hearIndication().1 == [2])
      #expect(await scene.server.counters.unpermitted == 3)
      await visitor.close()
      await peer.close()
    }
  }

  @Test(
    "brings two of its clients together who both need it, and nothing leaves the server",
    arguments: TwoMachines.allCases)
  func bothRelayed(world: TwoMachines) async throws {
    try await RelayScene.run(world) { scene in
      for (one, other) in [(RelayVisitor.Carrier.udp, .udp), (.udp, .tls), (.tcp, .tls)]
        as [(RelayVisitor.Carrier, RelayVisitor.Carrier)]
      {
        let (alice, bob) = (try await scene.visitor(over: one), try await scene.visitor(over: other))
        let (first, second) = (try await alice.allocate(), try await bob.allocate())
        try await alice.bind(0x4000, to: second)
        try await bob.permit(first)
        let before = await scene.server.counters.inside
        try await alice.send([1, 2, 3], on: 0x4000)
        let (from, data) = try await bob.hearIndication()
        #expect(from == first && data == [1, 2, 3])
        try await bob.bind(0x4FFF, to: first)
        try await bob.send([9], on: 0x4FFF)
        #expect(try await alice.hearOn(0x4000) == [9])
        let more = (0..<40).map { [UInt8](repeating: UInt8($0), count: 900) }
        try await alice.send(all: more, on: 0x4000)
        for payload in more { #expect(try await bob.hearOn(0x4FFF) == payload) }
        #expect(await scene.server.counters.inside == before + 42)
        await alice.close()
        await bob.close()
      }
    }
  }

  @Test(
    "loses what a client over TCP does not take, and serves the others meanwhile",
    arguments: TwoMachines.allCases)
  func slow(world: TwoMachines) async throws {
    try await RelayScene.run(world) { scene in
      // Nobody listens to what it is told after its requests were answered.
      let slow = try await RelayVisitor(on: scene.pair.alice, to: scene.addresses, over: .tcp)
      let ears = scene.pair.alice.spawn("ears for a while") { await slow.listen() }
      _ = try await ears.value
      let relayed = try await slow.allocate()
      let peer = Probe(on: scene.pair.alice)
      let port = try await peer.bind().port
      try await slow.permit(SocketAddress(scene.pair.aliceIP(.v4), port: port))
      await slow.stopListening()
      let other = try await scene.visitor()
      let its = try await other.allocate()
      try await other.permit(SocketAddress(scene.pair.aliceIP(.v4), port: port))
      let bytes = [UInt8](repeating: 7, count: 1200)
      for round in 0..<400 where await scene.server.counters.unsent == 0 || round < 2 {
        for _ in 0..<100 { try await peer.send(bytes, to: relayed) }
        try await peer.send([UInt8(round & 255)], to: its)
        #expect(try await other.hearIndication().1 == [UInt8(round & 255)])
      }
      #expect(await scene.server.counters.unsent > 0)
      await slow.close()
      await other.close()
      await peer.close()
    }
  }

  @Test("keeps an address for ten minutes, and as long as it is refreshed")
  func lifetime() async throws {
    try await RelayScene.run(.simulated) { scene in
      let alice = scene.pair.alice
      let visitor = try await scene.visitor()
      _ = try await visitor.allocate()
      try await alice.sleep(for: .seconds(590))
      #expect(try await visitor.succeeds(.refresh) { $0.add(.lifetime, 600 as UInt32) })
      try await alice.sleep(for: .seconds(590))
      #expect(await scene.server.allocationCount == 1)
      try await alice.sleep(for: .seconds(11))
      #expect(await scene.server.allocationCount == 0)
      #expect(try await !visitor.succeeds(.refresh) { $0.add(.lifetime, 600 as UInt32) })
      await visitor.close()
    }
  }

  @Test("has nothing left of a client that hangs up, or is hung up on for saying nothing")
  func hangingUp() async throws {
    try await RelayScene.run(.simulated) { scene in
      let alice = scene.pair.alice
      for carrier in [RelayVisitor.Carrier.tcp, .tls] {
        let visitor = try await scene.visitor(over: carrier)
        _ = try await visitor.allocate()
        let silent = try await scene.visitor(over: carrier)
        #expect(await scene.server.allocationCount == 1)
        try await alice.sleep(for: RelayLimits.callerPatience * 3)
        #expect(await scene.server.callerCount == 1)
        #expect(await silent.hasEnded)
        // What is not TURN, and what claims to be large before anything was proved.
        for words in [[0x16, 3, 1, 2, 0, 1], [0x40, 0, 0xFF, 0xFF] + [UInt8](repeating: 1, count: 5_000)] {
          let nonsense = try await scene.visitor(over: carrier)
          try await nonsense.say(words)
          try await alice.sleep(for: .seconds(1))
          #expect(await nonsense.hasEnded)
          await nonsense.close()
        }
        await visitor.close()
        try await alice.sleep(for: .seconds(1))
        #expect(await scene.server.allocationCount == 0)
        #expect(await scene.server.callerCount == 0)
        await silent.close()
      }
    }
  }

  @Test("has as many connected as it may, of each address", arguments: TwoMachines.allCases)
  func crowd(world: TwoMachines) async throws {
    try await RelayScene.run(world, { $0.callersPerAddress = 3 }) { scene in
      var visitors: [RelayVisitor] = []
      for _ in 0..<3 {
        let visitor = try await scene.visitor(over: .tcp)
        _ = try await visitor.allocate()
        visitors.append(visitor)
      }
      // It is hung up on while it connects, or as soon as it has.
      await #expect(throws: (any Error).self) {
        let fourth = try await scene.visitor(over: .tcp)
        do {
          _ = try await fourth.allocate()
        } catch {
          await fourth.close()
          throw error
        }
      }
      #expect(await scene.server.callerCount == 3)
      for visitor in visitors { await visitor.close() }
    }
  }

  @Test("gives back all ports when it stops, and hangs up", arguments: TwoMachines.allCases)
  func stopping(world: TwoMachines) async throws {
    try await RelayScene.run(world) { scene in
      var visitors: [RelayVisitor] = []
      for carrier in RelayVisitor.Carrier.allCases {
        let visitor = try await scene.visitor(over: carrier)
        _ = try await visitor.allocate()
        visitors.append(visitor)
      }
      await scene.server.stop()
      for visitor in visitors.dropFirst() {
        await #expect(throws: (any Error).self) { _ = try await visitor.next() }
      }
      for visitor in visitors { await visitor.close() }
    }
  }

  @Test("answers what somebody's address is", arguments: TwoMachines.allCases, RelayVisitor.Carrier.allCases)
  func binding(world: TwoMachines, carrier: RelayVisitor.Carrier) async throws {
    try await RelayScene.run(world) { scene in
      let visitor = try await scene.visitor(over: carrier)
      let answer = try await visitor.ask(.binding) { _ in }
      let message = try STUNMessage(answer.span.bytes)
      let mapped = message.mappedAddress
      #expect(mapped?.ip == scene.pair.aliceIP(.v4))
      await visitor.close()
    }
  }

  /// Somebody with a port that is not the relay's alone.
  private actor Owner {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private var board: RelaySwitchboard?
    private var socket: (any UDPSocket)?
    private(set) var others = 0

    init(on machine: any Machine) { self.machine = machine }

    func start(at ip: IPAddress, _ configuration: RelayConfiguration) throws -> SocketAddress {
      let socket = try machine.bindUDP(to: SocketAddress(ip, port: 0))
      let board = RelaySwitchboard(on: machine, configuration, at: [socket])
      (self.socket, self.board) = (socket, board)
      socket.deliver(to: self) { owner, batch in
        batch.forEach { datagram in
          let first = datagram.payload.isEmpty ? 0xFF : datagram.payload.unsafeLoad(as: UInt8.self)
          if first < 4
            || ChannelData.mayBegin(first)
              && board.isClient(datagram.source, at: 0, localIP: datagram.localIP)
          {
            board.take(datagram, at: 0)
          } else {
            owner.others += 1
          }
        }
        board.flush()
      }
      return socket.localAddress
    }

    func stop() {
      board?.close()
      socket?.close()
    }
  }

  @Test("shares a port with another protocol that begins alike", arguments: TwoMachines.allCases)
  func shared(world: TwoMachines) async throws {
    try await world.run { pair in
      let ip = pair.bobIP(.v4)
      var configuration = RelayConfiguration(
        RelayCredentials(users: ["alice": "secret"]), at: RelayAddress(ip))
      configuration.permits = [IPPrefix(ip, length: 32), IPPrefix(pair.aliceIP(.v4), length: 32)]
      let owner = Owner(on: pair.bob)
      let address = try await owner.start(at: ip, configuration)
      let visitor = try await RelayVisitor(
        on: pair.alice, to: RelayServer.Addresses(plain: [address]), over: .udp)
      // As a packet of QUIC may begin.
      try await visitor.send([1], on: 0x4000)
      let relayed = try await visitor.allocate()
      #expect(await owner.others == 1)
      let peer = Probe(on: pair.alice)
      let port = try await peer.bind().port
      try await visitor.bind(0x4000, to: SocketAddress(pair.aliceIP(.v4), port: port))
      try await visitor.send([1], on: 0x4000)
      await peer.waitFor(1)
      #expect(await peer.received.map(\.from) == [relayed])
      try await peer.send([2], to: relayed)
      #expect(try await visitor.hearOn(0x4000) == [2])
      #expect(await owner.others == 1)
      await owner.stop()
      await visitor.close()
      await peer.close()
    }
  }
}

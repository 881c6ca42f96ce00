import TestSupport
import Testing
import Warren

@testable import WarrenRegistry
@testable import WarrenRelay
@testable import WarrenSTUN

@Suite("A registry that relays")
struct RegistryRelayTests {
  typealias Scene = RegistryRelayScene

  @Test(
    "relays for who is registered, asked once, on the port at which it is the registry",
    arguments: TwoMachines.allCases, [RelayServerAddress.Transport.udp, .tcp, .tls])
  func relays(world: TwoMachines, transport: RelayServerAddress.Transport) async throws {
    try await Scene.run(world) { scene in
      let alice = scene.machines.alice
      let (guest, grant) = try await scene.guest()
      #expect(grant.username.hasSuffix(":\(guest.key.peerID)"))
      let socket = try await scene.allocate(with: grant, over: transport)
      #expect(socket.localAddress.ip == scene.machines.bobIP(.v4))
      let counters = try #require(await scene.server.relayCounters)
      // Nonce and realm were known: nothing had to be asked twice.
      #expect(counters.made == 1 && counters.refusals == 0)

      let inbox = RelayInbox(of: socket)
      let peer = Probe(on: alice)
      let there = SocketAddress(scene.machines.aliceIP(.v4), port: try await peer.bind().port)
      for number in 0..<3 as Range<UInt8> { try send([number], to: there, by: socket) }
      await peer.waitFor(3)
      #expect(await peer.received.map(\.bytes) == [[0], [1], [2]])
      #expect(await peer.received.allSatisfy { $0.from == socket.localAddress })
      try await peer.send([7, 8], to: socket.localAddress)
      try await scene.until { inbox.received.count == 1 }
      #expect(inbox.received.first?.bytes == [7, 8] && inbox.received.first?.from == there)
      // It is the registry as well.
      #expect(try await guest.client.find(.key(guest.key.peerID)).owner == .key(guest.key.peerID))
      socket.close()
      try await scene.until { await scene.server.relayAllocationCount == 0 }
      await peer.close()
      await guest.close()
    }
  }

  @Test(
    "joins TCP for who is registered, at its one port, without a round trip that could be spared",
    arguments: TwoMachines.allCases, [RelayServerAddress.Transport.tcp, .tls])
  func streams(world: TwoMachines, transport: RelayServerAddress.Transport) async throws {
    try await Scene.run(world) { scene in
      let alice = scene.machines.alice
      let (guest, grant) = try await scene.guest()
      let servers = grant.servers(at: [scene.remote], key: try #require(scene.address.key))
      let listener = try await RelayClient.listen(
        at: servers.filter { $0.transport == transport }, on: alice)
      let door = try alice.listenTCP(on: SocketAddress(scene.machines.aliceIP(.v4), port: 0))
      let near = try await listener.connect(to: door.localAddress)
      let far = try await door.accept()
      #expect(far.remoteAddress == listener.localAddress)
      let said = [UInt8](repeating: 5, count: 50_000)
      for (writer, reader) in [(near, far), (far, near)] {
        try await writer.write(said)
        #expect(try await reader.read(exactly: said.count) == said)
      }
      let counters = try #require(await scene.server.relayCounters)
      #expect(counters.claimed == 1 && counters.refusals == 0)
      // Who has claimed a connection is a stranger no longer, and is let be.
      #expect(await scene.server.strangers == 0)
      try await alice.sleep(for: world == .simulated ? RegistryLimits.answerPatience * 2 : .zero)
      try await near.write([1])
      #expect(try await far.read(exactly: 1) == [1])
      for end in [near, far] { end.close() }
      listener.close()
      door.close()
      try await scene.until { await scene.server.relayAllocationCount == 0 }
      await guest.close()
    }
  }

  @Test(
    "says all ways to it, UDP first, and proves over TLS that it is the registry",
    arguments: TwoMachines.allCases)
  func servers(world: TwoMachines) async throws {
    try await Scene.run(world) { scene in
      let (guest, grant) = try await scene.guest()
      let told = try await guest.next { if case .relay(let grant) = $0 { grant } else { nil } }
      #expect(told == grant)
      let servers = await guest.client.relayServers
      #expect(servers == grant.servers(at: [scene.remote], key: try #require(scene.address.key)))
      #expect(servers.map(\.transport) == [.udp, .tcp, .tls])
      #expect(servers.map(\.key) == [nil, nil, scene.address.key])
      #expect(servers.allSatisfy { $0.challenge != nil && $0.port == scene.remote.port })
      #expect(!"\(grant)".contains(grant.password))
      var wrong = servers[2]
      wrong.key = guest.key.peerID
      await #expect(throws: RelayError.self) {
        try await RelayClient.allocate(at: [wrong], on: scene.machines.alice)
      }
      await guest.close()
    }
  }

  @Test(
    "brings two of its peers together who both get out over TCP only, and nothing leaves it",
    arguments: TwoMachines.allCases)
  func bothRelayed(world: TwoMachines) async throws {
    try await Scene.run(world) { scene in
      let ((alice, hers), (bob, his)) = (try await scene.guest(), try await scene.guest())
      let one = try await scene.allocate(with: hers, over: .tcp)
      let other = try await scene.allocate(with: his, over: .tls)
      let (inbox, outbox) = (RelayInbox(of: one), RelayInbox(of: other))
      // Each sends, as punchers do: what comes before it is let in is lost.
      try await scene.until {
        try send([1], to: other.localAddress, by: one)
        try send([2], to: one.localAddress, by: other)
        return !inbox.received.isEmpty && !outbox.received.isEmpty
      }
      #expect(inbox.received.allSatisfy { $0.bytes == [2] && $0.from == other.localAddress })
      #expect(outbox.received.allSatisfy { $0.bytes == [1] && $0.from == one.localAddress })
      let counters = try #require(await scene.server.relayCounters)
      #expect(counters.inside > 0 && counters.inside == counters.toPeers)
      one.close()
      other.close()
      await alice.close()
      await bob.close()
    }
  }

  @Test("counts what a peer has by its key, whatever it is called today", arguments: TwoMachines.allCases)
  func quota(world: TwoMachines) async throws {
    try await Scene.run(world, { $0.allocationsPerUser = 1 }) { scene in
      let (guest, grant) = try await scene.guest()
      let socket = try await scene.allocate(with: grant, over: .udp)
      let renewed = try await scene.grant(like: grant, of: guest, endingIn: .seconds(7200))
      #expect(renewed.username != grant.username)
      let error = await #expect(throws: RelayError.self) {
        try await scene.allocate(with: renewed, over: .tcp)
      }
      #expect(error?.code == .quota)
      let (other, its) = try await scene.guest()
      let another = try await scene.allocate(with: its, over: .tcp)
      socket.close()
      another.close()
      await guest.close()
      await other.close()
    }
  }

  @Test("takes no grant that has ended", arguments: TwoMachines.allCases, RelayGrant.order)
  func expiry(world: TwoMachines, transport: RelayServerAddress.Transport) async throws {
    try await Scene.run(world) { scene in
      let (guest, grant) = try await scene.guest()
      let ended = try await scene.grant(like: grant, of: guest, endingIn: .seconds(-1))
      let error = await #expect(throws: RelayError.self) {
        try await scene.allocate(with: ended, over: transport)
      }
      #expect(error?.code == .wrongPassword)
      // It is not for another reason.
      let good = try await scene.grant(like: grant, of: guest, endingIn: .seconds(60))
      try await scene.allocate(with: good, over: transport).close()
      await guest.close()
    }
  }

  @Test("gives a new grant at half of the old one's time", arguments: TwoMachines.allCases)
  func renewal(world: TwoMachines) async throws {
    try await Scene.run(world, lifetime: .milliseconds(900), grant: .seconds(6)) { scene in
      let (guest, first) = try await scene.guest()
      let second = try await guest.next { event -> RelayGrant? in
        if case .relay(let new) = event, new.username != first.username { new } else { nil }
      }
      #expect(second.lifetime == first.lifetime && second.password != first.password)
      #expect(await guest.client.relayGrant == second)
      await guest.close()
    }
  }

  @Test("leaves a peer without leave for no moment, as long as it is registered, and no longer than it said")
  func lifetimes() async throws {
    try await Scene.run(.simulated, grant: .seconds(600)) { scene in
      let alice = scene.machines.alice
      let (guest, first) = try await scene.guest()
      let socket = try await scene.allocate(with: first, over: .udp)
      for _ in 0..<120 {
        try await alice.sleep(for: .seconds(10))
        let grant = try #require(await guest.client.relayGrant)
        try await scene.allocate(with: grant, over: .udp).close()
      }
      let error = await #expect(throws: RelayError.self) {
        try await scene.allocate(with: first, over: .udp)
      }
      #expect(error?.code == .wrongPassword)
      // Who was let in stays, and is refreshed.
      try await alice.sleep(for: .seconds(30))
      #expect(await scene.server.relayAllocationCount == 1)
      await scene.server.vanish()
      try await alice.sleep(for: .seconds(601))
      #expect(await guest.client.relayGrant == nil)
      socket.close()
      await guest.close()
    }
  }

  @Test("gives nothing to strangers", arguments: TwoMachines.allCases, RelayVisitor.Carrier.allCases)
  func strangers(world: TwoMachines, carrier: RelayVisitor.Carrier) async throws {
    try await Scene.run(world) { scene in
      let visitor = try await scene.visitor(over: carrier)
      // As the server of others' relays has it.
      let answer = try await visitor.ask(.allocate) { $0.add(.requestedTransport, 17 << 24 as UInt32) }
      #expect(answer.isEmpty)
      #expect(await scene.server.relayAllocationCount == 0)
      let (guest, grant) = try await scene.guest()
      var forged = grant
      forged.password = "open sesame"
      let transport = RelayGrant.order[RelayVisitor.Carrier.allCases.firstIndex(of: carrier)!]
      let wrong = await #expect(throws: RelayError.self) {
        try await scene.allocate(with: forged, over: transport)
      }
      #expect(wrong?.code == .wrongPassword)
      // Somebody else's name, and one that is good for longer.
      forged = grant
      forged.username = "9" + grant.username
      await #expect(throws: RelayError.self) { try await scene.allocate(with: forged, over: transport) }
      #expect(await scene.server.relayAllocationCount == 0)
      await visitor.close()
      await guest.close()
    }
  }

  @Test("does not do so unless that was wished for, and then says nothing", arguments: TwoMachines.allCases)
  func none(world: TwoMachines) async throws {
    try await Scene.run(world, relays: false, lifetime: .milliseconds(300)) { scene in
      let alice = scene.machines.alice
      let guest = try await Scene.Guest(on: alice, of: scene.address)
      try await guest.client.announce(Announcement())
      // Several renewals.
      try await alice.sleep(for: .seconds(1))
      #expect(await guest.client.relayGrant == nil)
      #expect(await guest.client.relayServers.isEmpty)
      #expect(await scene.server.relayCounters == nil)
      await guest.client.close()
      for await event in guest.events { if case .relay = event { Issue.record("it was told \(event)") } }
      for transport in RelayGrant.order {
        let server = RelayServerAddress(
          host: scene.address.host, port: scene.address.port, transport: transport, username: "a",
          password: "b")
        await #expect(throws: RelayError.self) { try await RelayClient.allocate(at: [server], on: alice) }
      }
      await guest.endpoint.close()
    }
  }

  @Test("is the same relay after a restart", arguments: TwoMachines.allCases)
  func restart(world: TwoMachines) async throws {
    try await world.run { machines in
      var random = machines.bob.random
      let key = PrivateKey(using: &random)
      let ip = machines.bobIP(.v4)
      var terms = Registry.Configuration()
      terms.permitsLoopback = true
      var configuration = RegistryServer.Configuration()
      configuration.relay = RelayConfiguration(at: RelayAddress(ip))
      let servers = [0, 1].map { [terms, configuration] _ in
        RegistryServer(Registry(on: machines.bob, terms), on: machines.bob, key: key, configuration)
      }
      var address = try await servers[0].start(
        at: SocketAddress(.any(.v4), port: restingPort(on: machines.bob)))
      address.host = "\(ip)"
      let first = Scene(machines: machines, server: servers[0], address: address)
      let (guest, grant) = try await first.guest()
      await guest.close()
      await servers[0].stop()
      try await servers[1].start(at: SocketAddress(.any(.v4), port: address.port))
      let second = Scene(machines: machines, server: servers[1], address: address)
      let socket = try await second.allocate(with: grant, over: .tcp)
      // What was known of the nonce is so no more.
      #expect(await servers[1].relayCounters?.staleNonces == 1)
      socket.close()
      await servers[1].stop()
    }
  }

  @Test(
    "hangs up on callers who do not prove that they may be relayed, and counts nobody twice",
    arguments: [RelayVisitor.Carrier.tcp, .tls])
  func crowd(carrier: RelayVisitor.Carrier) async throws {
    try await Scene.run(.simulated, { $0.callersPerAddress = 1_000 }) { scene in
      let alice = scene.machines.alice
      let (guest, grant) = try await scene.guest()
      let transport = RelayGrant.order[RelayVisitor.Carrier.allCases.firstIndex(of: carrier)!]
      // More than there may be strangers: they are none.
      var sockets: [RelayedSocket] = []
      for _ in 0..<RegistryLimits.strangersOfAddress + 6 {
        sockets.append(try await scene.allocate(with: grant, over: transport))
      }
      var visitors: [RelayVisitor] = []
      for _ in 0..<RegistryLimits.strangersOfAddress {
        let visitor = try await scene.visitor(over: carrier)
        _ = try await visitor.ask(.binding) { _ in }
        visitors.append(visitor)
      }
      await #expect(throws: (any Error).self) {
        let visitor = try await scene.visitor(over: carrier)
        do { _ = try await visitor.ask(.binding) { _ in } } catch {
          await visitor.close()
          throw error
        }
      }
      // Words do not help.
      for _ in 0..<5 {
        try await alice.sleep(for: .seconds(2))
        for visitor in visitors where await !visitor.hasEnded {
          _ = try? await visitor.ask(.binding) { _ in }
        }
      }
      try await alice.sleep(for: .seconds(1))
      for visitor in visitors {
        #expect(await visitor.hasEnded)
        await visitor.close()
      }
      sockets.append(try await scene.allocate(with: grant, over: transport))
      #expect(await scene.server.relayAllocationCount == sockets.count)
      for socket in sockets { socket.close() }
      await guest.close()
    }
  }
}

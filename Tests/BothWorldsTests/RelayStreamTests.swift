import TestSupport
import Testing
import Warren

@testable import WarrenRelay
@testable import WarrenSTUN

@Suite("TCP over a relay")
struct RelayStreamTests {
  private typealias Scene = RelayScene

  private static func relay(
    _ scene: RelayScene, _ carrier: RelayVisitor.Carrier = .tcp
  ) throws -> RelayServerAddress {
    let address = carrier == .tls ? try #require(scene.addresses.tls) : scene.addresses.plain[0]
    var relay = RelayServerAddress(
      host: "\(address.ip)", port: address.port, transport: carrier == .tls ? .tls : .tcp, username: "alice",
      password: "secret")
    relay.authorities = nil
    return relay
  }

  private static func listen(
    _ scene: RelayScene, _ carrier: RelayVisitor.Carrier = .tcp
  ) async throws -> RelayedListener {
    try await RelayClient.listen(at: [relay(scene, carrier)], on: scene.pair.alice)
  }

  private static func permit(_ ip: IPAddress, at listener: RelayedListener) async throws {
    listener.permit([ip])
    for _ in 0..<1000 where !listener.isPermitted(ip) {
      try await listener.machine.sleep(for: .milliseconds(10))
    }
    #expect(listener.isPermitted(ip))
  }

  /// A port of alice's at which `body` serves whoever connects, one after the other.
  private static func serve(
    _ scene: RelayScene, _ body: @escaping @Sendable (any TCPConnection) async throws -> Void
  ) throws -> (listener: any TCPListener, address: SocketAddress) {
    let listener = try scene.pair.alice.listenTCP(on: SocketAddress(scene.pair.aliceIP(.v4), port: 0))
    nonisolated(unsafe) let door = listener
    scene.pair.alice.spawn("a peer") {
      while true {
        nonisolated(unsafe) let connection = try await door.accept()
        scene.pair.alice.spawn("a peer's connection") {
          try? await body(connection)
          connection.close()
        }
      }
    }
    return (listener, listener.localAddress)
  }

  private static func echo(_ connection: any TCPConnection) async throws {
    while let bytes = try await connection.read() { try await connection.write(bytes) }
    try connection.finish()
  }

  private static func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
  }

  /// Writes all, while all that comes is read.
  private static func exchange(
    _ connection: any TCPConnection, _ bytes: [UInt8], on machine: any Machine
  ) async throws -> [UInt8] {
    nonisolated(unsafe) let own = connection
    let writing = machine.spawn("words") {
      try await own.write(bytes)
      try own.finish()
    }
    var heard: [UInt8] = []
    while let more = try await connection.read() { heard += more }
    try await writing.value
    return heard
  }

  /// Nothing of what was relayed is left at the server.
  private static func expectNothing(
    at scene: RelayScene, callers: Int = 0, streams: Int = 0, location: SourceLocation = #_sourceLocation
  ) async throws {
    for _ in 0..<1000 {
      if await scene.server.streamCount == streams, await scene.server.callerCount == callers { return }
      try await scene.pair.alice.sleep(for: .milliseconds(10))
    }
    let (left, open) = (await scene.server.streamCount, await scene.server.callerCount)
    Issue.record("\(left) connections and \(open) callers are left", sourceLocation: location)
  }

  @Test(
    "carries all bytes both ways to a peer that was connected to, and each side's end by itself",
    arguments: TwoMachines.allCases, [RelayVisitor.Carrier.tcp, .tls])
  func connects(world: TwoMachines, carrier: RelayVisitor.Carrier) async throws {
    try await RelayScene.run(world) { scene in
      let (door, address) = try Self.serve(scene, Self.echo)
      let listener = try await Self.listen(scene, carrier)
      let connection = try await listener.connect(to: address)
      #expect(connection.remoteAddress == address && connection.localAddress == listener.localAddress)
      let said = Self.bytes(1_000_000)
      #expect(try await Self.exchange(connection, said, on: scene.pair.alice) == said)
      connection.close()
      // Its own connection is over, and that of the listener is not.
      try await Self.expectNothing(at: scene, callers: 1)
      let counters = await scene.server.counters
      #expect(counters.bytesToPeers == said.count && counters.bytesToClients == said.count)
      #expect(counters.connected == 1 && counters.claimed == 1)
      listener.close()
      door.close()
      try await Self.expectNothing(at: scene)
      #expect(await scene.server.allocationCount == 0)
    }
  }

  @Test(
    "lets those in who were permitted, says who they are, and nobody else",
    arguments: TwoMachines.allCases, [RelayVisitor.Carrier.tcp, .tls])
  func accepts(world: TwoMachines, carrier: RelayVisitor.Carrier) async throws {
    try await RelayScene.run(world) { scene in
      let alice = scene.pair.alice
      let listener = try await Self.listen(scene, carrier)
      // It is reset, maybe before it knows that it was open, or has ended.
      if let stranger = try? await alice.connectTCP(to: listener.localAddress) {
        let heard = try? await stranger.read()
        #expect(heard == nil)
        stranger.close()
      }
      #expect(await scene.server.counters.unpermitted == 1)
      let (door, served) = (listener, alice)
      let serving = alice.spawn("a relayed server") {
        var remotes: [SocketAddress] = []
        for try await connection in door.connections {
          remotes.append(connection.remoteAddress)
          #expect(connection.localAddress == door.localAddress)
          nonisolated(unsafe) let own = connection
          served.spawn("a relayed peer") {
            try await Self.echo(own)
            own.close()
          }
        }
        return remotes
      }
      try await Self.permit(scene.pair.aliceIP(.v4), at: listener)
      var locals: [SocketAddress] = []
      for count in [1, 100_000, 300_000] {
        let peer = try await alice.connectTCP(to: listener.localAddress)
        locals.append(peer.localAddress)
        let said = Self.bytes(count)
        // What is said before anybody has claimed the connection waits.
        #expect(try await Self.exchange(peer, said, on: alice) == said)
        peer.close()
      }
      try await Self.expectNothing(at: scene, callers: 1)
      listener.close()
      #expect(try await serving.value == locals)
      try await Self.expectNothing(at: scene)
    }
  }

  @Test("connects two who both have but a relay", arguments: TwoMachines.allCases)
  func bothRelayed(world: TwoMachines) async throws {
    try await RelayScene.run(world) { scene in
      let alice = scene.pair.alice
      let (one, other) = (try await Self.listen(scene, .tcp), try await Self.listen(scene, .tls))
      try await Self.permit(one.localAddress.ip, at: other)
      let door = other
      let serving = alice.spawn("the other") {
        let connection = try await door.accept()
        nonisolated(unsafe) let own = connection
        try await Self.echo(own)
        let remote = connection.remoteAddress
        connection.close()
        return remote
      }
      let connection = try await one.connect(to: other.localAddress)
      let said = Self.bytes(200_000)
      #expect(try await Self.exchange(connection, said, on: alice) == said)
      #expect(try await serving.value == one.localAddress)
      connection.close()
      one.close()
      other.close()
      try await Self.expectNothing(at: scene)
    }
  }

  @Test(
    "stops reading from who says more than the other side takes, either way, and loses nothing",
    arguments: TwoMachines.allCases, [RelayVisitor.Carrier.tcp, .tls])
  func slow(world: TwoMachines, carrier: RelayVisitor.Carrier) async throws {
    try await RelayScene.run(world) { scene in
      let alice = scene.pair.alice
      let listener = try await Self.listen(scene, carrier)
      let door = try alice.listenTCP(on: SocketAddress(scene.pair.aliceIP(.v4), port: 0))
      let near = try await listener.connect(to: door.localAddress)
      let far = try await door.accept()
      for (writer, reader) in [(near, far), (far, near)] {
        var taken = 0
        let chunk = [UInt8](repeating: 9, count: 65_536)
        // Until nothing is taken for a while.
        var idle = 0
        while idle < 20 {
          let count = try writer.writeNow(chunk.span.bytes)
          taken += count
          idle = count == 0 ? idle + 1 : 0
          if count == 0 { try await alice.sleep(for: .milliseconds(20)) }
          guard taken < 100_000_000 else { break }
        }
        // What the systems' buffers hold, of four sockets, and no more.
        #expect(taken > 65_536 && taken < 40_000_000, "\(taken)")
        try writer.finish()
        var heard = 0
        while let bytes = try await reader.read() { heard += bytes.count }
        #expect(heard == taken)
      }
      near.close()
      far.close()
      door.close()
      listener.close()
      try await Self.expectNothing(at: scene)
    }
  }

  @Test("says what is wrong with a wish for a connection", arguments: TwoMachines.allCases)
  func refusals(world: TwoMachines) async throws {
    try await RelayScene.run(world) { scene in
      let listener = try await Self.listen(scene)
      let (door, address) = try Self.serve(scene, Self.echo)
      let own = scene.pair.bobIP(.v4)
      let cases: [(SocketAddress, RelayError.Code)] = [
        (SocketAddress(scene.pair.aliceIP(.v4), port: 1), .unreachablePeer),
        (SocketAddress(IPAddress(10, 1, 2, 3), port: 80), .forbidden),
        (SocketAddress(IPAddress(127, 0, 0, 9), port: 80), .forbidden),
        (SocketAddress(own, port: scene.addresses.plain[0].port), .forbidden),
        (SocketAddress(own, port: scene.addresses.tls?.port ?? 0), .forbidden),
        (listener.localAddress, .forbidden), (.loopback(.v6, port: 80), .noSuchFamily),
      ]
      for (target, code) in cases {
        let error = await #expect(throws: RelayError.self) { _ = try await listener.connect(to: target) }
        #expect(error?.code == code, "\(target)")
      }
      nonisolated(unsafe) var barred: [IPAddress: RelayError.Code] = [:]
      listener.onRefusal = { barred[$0] = $1.code }
      listener.permit([IPAddress(10, 1, 2, 3), scene.pair.aliceIP(.v4)])
      for _ in 0..<1000 where barred.isEmpty { try await listener.machine.sleep(for: .milliseconds(10)) }
      #expect(barred == [IPAddress(10, 1, 2, 3): .forbidden])
      let first = try await listener.connect(to: address)
      let error = await #expect(throws: RelayError.self) { _ = try await listener.connect(to: address) }
      #expect(error?.code == .alreadyConnected)
      first.reset()
      try await Self.expectNothing(at: scene, callers: 1)
      let second = try await listener.connect(to: address)
      second.close()
      door.close()
      listener.close()
      let end = await #expect(throws: RelayError.self) { _ = try await listener.connect(to: address) }
      #expect(end?.code == .closed)
    }
  }

  @Test("ends all connections with the address, and tells both sides", arguments: TwoMachines.allCases)
  func ends(world: TwoMachines) async throws {
    try await RelayScene.run(world) { scene in
      let alice = scene.pair.alice
      let door = try alice.listenTCP(on: SocketAddress(scene.pair.aliceIP(.v4), port: 0))
      for stops in [false, true] {
        let listener = try await Self.listen(scene)
        nonisolated(unsafe) var lost: RelayError?
        listener.onLost = { lost = $0 }
        let near = try await listener.connect(to: door.localAddress)
        let far = try await door.accept()
        try await near.write([1, 2, 3])
        #expect(try await far.read(exactly: 3) == [1, 2, 3])
        if stops { await scene.server.stop() } else { listener.close() }
        for end in [near, far] {
          let heard = try? await end.read()
          #expect(heard == nil)
          end.close()
        }
        for _ in 0..<1000 where stops && lost == nil { try await alice.sleep(for: .milliseconds(10)) }
        #expect((lost != nil) == stops)
        listener.close()
        if !stops { try await Self.expectNothing(at: scene) }
      }
      door.close()
    }
  }

  @Test("carries IPv6 as well, from an address of that family or beside the other")
  func families() async throws {
    let change: @Sendable (inout RelayConfiguration) -> Void = {
      $0.addresses.append(RelayAddress(.loopback(.v6)))
      $0.permits.append(IPPrefix(.loopback(.v6), length: 128))
    }
    try await RelayScene.run(.local, change) { scene in
      for both in [false, true] {
        var terms = AllocationTerms()
        if both { terms.wantsBothFamilies = true } else { terms.family = .v6 }
        let listener = try await RelayClient.listen(at: [Self.relay(scene)], on: scene.pair.alice, terms)
        #expect(listener.relayedAddresses.map(\.ip.family) == (both ? [.v4, .v6] : [.v6]))
        let door = try scene.pair.alice.listenTCP(on: .loopback(.v6))
        let near = try await listener.connect(to: door.localAddress)
        let far = try await door.accept()
        #expect(far.remoteAddress == listener.relayedAddresses.last && near.localAddress == far.remoteAddress)
        try await near.write([1, 2])
        #expect(try await far.read(exactly: 2) == [1, 2])
        try await Self.permit(.loopback(.v6), at: listener)
        let peer = try await scene.pair.alice.connectTCP(to: near.localAddress)
        let arrived = try await listener.accept()
        #expect(arrived.remoteAddress == peer.localAddress)
        for end in [near, far, peer, arrived] { end.close() }
        door.close()
        listener.close()
        try await Self.expectNothing(at: scene)
      }
    }
  }

  @Test("has no TCP where the relay carries none")
  func none() async throws {
    try await RelayScene.run(.simulated, { $0.connections = 0 }) { scene in
      let error = await #expect(throws: RelayError.self) { _ = try await Self.listen(scene) }
      #expect(error?.code == .noTCP)
    }
  }

  @Test("waits for its bandwidth, and loses nothing")
  func bandwidth() async throws {
    try await RelayScene.run(.simulated, { $0.bandwidth = 500_000 }) { scene in
      let (door, address) = try Self.serve(scene, Self.echo)
      let listener = try await Self.listen(scene)
      let connection = try await listener.connect(to: address)
      let said = Self.bytes(1_000_000)
      let began = scene.pair.alice.now
      #expect(try await Self.exchange(connection, said, on: scene.pair.alice) == said)
      // Two million bytes pass.
      let taken = began.duration(to: scene.pair.alice.now)
      #expect(taken > .seconds(3.5) && taken < .seconds(6), "\(taken)")
      connection.close()
      listener.close()
      door.close()
      try await Self.expectNothing(at: scene)
    }
  }

  @Test("lets go after half a minute who connects to nobody, and who is claimed by nobody")
  func patience() async throws {
    try await RelayScene.run(.simulated) { scene in
      let alice = scene.pair.alice
      let visitor = try await scene.visitor(over: .tcp)
      let answer = try await visitor.ask(.allocate) { $0.add(.requestedTransport, 6 << 24 as UInt32) }
      let message = try STUNMessage(answer.span.bytes)
      let relayed = message.maskedAddress(.xorRelayedAddress)
      let door = try alice.listenTCP(on: SocketAddress(scene.pair.aliceIP(.v4), port: 0))
      let address = door.localAddress
      #expect(try await visitor.succeeds(.connect) { $0.add(.xorPeerAddress, masked: address) })
      let far = try await door.accept()
      try await visitor.permit(address)
      let near = try await alice.connectTCP(to: try #require(relayed))
      let attempt = try await visitor.next()
      let told = try STUNMessage(attempt.span.bytes)
      let isAttempt = told.method == .connectionAttempt && told.messageClass == .indication
      let peer = told.maskedAddress(.xorPeerAddress)
      #expect(isAttempt && peer == near.localAddress)
      #expect(await scene.server.streamCount == 2)
      let began = alice.now
      for end in [far, near] {
        let heard = try? await end.read()
        #expect(heard == nil)
        end.close()
      }
      let taken = began.duration(to: alice.now)
      #expect(taken > .seconds(29) && taken < .seconds(31), "\(taken)")
      #expect(await scene.server.counters.unclaimed == 2)
      try await Self.expectNothing(at: scene, callers: 1)
      await visitor.close()
      door.close()
    }
  }

  @Test("is not taken from its owner: by a guess, twice, or by somebody who has not proved anything")
  func hostile() async throws {
    try await RelayScene.run(.simulated) { scene in
      let alice = scene.pair.alice
      let visitor = try await scene.visitor(over: .tcp)
      _ = try await visitor.ask(.allocate) { $0.add(.requestedTransport, 6 << 24 as UInt32) }
      let (door, address) = try Self.serve(scene, Self.echo)
      let answer = try await visitor.ask(.connect) { $0.add(.xorPeerAddress, masked: address) }
      let message = try STUNMessage(answer.span.bytes)
      let number = message.number(.connectionID)
      let id = try #require(number)
      var thieves: [RelayVisitor] = []
      for guess in [id ^ 1, 0] {
        let thief = try await scene.visitor(over: .tcp)
        #expect(try await !thief.succeeds(.connectionBind) { $0.add(.connectionID, guess) })
        thieves.append(thief)
      }
      // Over UDP, and on the allocation's own connection, it is nobody's.
      let datagrams = try await scene.visitor()
      #expect(try await !datagrams.succeeds(.connectionBind) { $0.add(.connectionID, id) })
      #expect(try await !visitor.succeeds(.connectionBind) { $0.add(.connectionID, id) })
      let owner = try await scene.visitor(over: .tls)
      #expect(try await owner.succeeds(.connectionBind) { $0.add(.connectionID, id) })
      let late = try await scene.visitor(over: .tcp)
      #expect(try await !late.succeeds(.connectionBind) { $0.add(.connectionID, id) })
      for other in [visitor, owner, datagrams, late] + thieves { await other.close() }
      door.close()
      try await alice.sleep(for: .seconds(1))
      try await Self.expectNothing(at: scene)
    }
  }

  @Test(
    "has ten thousand connections asked of it at once, and holds as many as it may",
    arguments: TwoMachines.allCases)
  func flood(world: TwoMachines) async throws {
    let change: @Sendable (inout RelayConfiguration) -> Void = { $0.connectionsPerAllocation = 20 }
    try await RelayScene.run(world, change) { scene in
      let visitor = try await scene.visitor(over: .tcp)
      _ = try await visitor.ask(.allocate) { $0.add(.requestedTransport, 6 << 24 as UInt32) }
      let (door, address) = try Self.serve(scene, Self.echo)
      let ports = (1...10_000).map { UInt16($0) + 10_000 }.filter { $0 != address.port }
      // Nobody is there but at the last.
      let wishes = try await visitor.requests(.connect, of: ports + [address.port]) { writer, port in
        writer.add(.xorPeerAddress, masked: SocketAddress(address.ip, port: port))
      }
      var most = 0
      for start in stride(from: 0, to: wishes.count, by: 500) {
        let some = wishes[start..<min(start + 500, wishes.count)]
        try await visitor.say(some.flatMap { $0 })
        for _ in some {
          _ = try await visitor.next()
          most = max(most, await scene.server.streamCount)
        }
      }
      #expect(most <= 20)
      let counters = await scene.server.counters
      #expect(counters.connected + counters.unconnected + counters.overStreams == wishes.count, "\(counters)")
      #expect(counters.unsent == 0)
      await visitor.close()
      door.close()
      try await Self.expectNothing(at: scene)
    }
  }
}

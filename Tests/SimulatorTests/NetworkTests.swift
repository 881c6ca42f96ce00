import TestSupport
import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("A simulated network")
struct NetworkTests {
  @Test("tells a socket that nothing has the port")
  func portUnreachable() async throws {
    let world = World(seed: 1) {
      Server("alice")
      Server("bob")
    }
    try await world.run { world in
      for family in IPAddress.Family.allCases {
        let target = SocketAddress(world.machine("bob").address(family), port: 9)
        let probe = Probe(on: world.machine("alice"))
        try await probe.bind(.any(family))
        try await probe.send([1, 2, 3], to: target)
        try await probe.machine.sleep(for: .milliseconds(60))
        #expect(
          await probe.failures == [
            DeliveryFailure(
              reason: .portUnreachable, destination: target, reporter: target.ip, excerpt: [1, 2, 3])
          ])
      }
    }
  }

  @Test("lets a hop limit run out at the router whose turn it is")
  func hopLimit() async throws {
    let world = World(seed: 1) {
      Server("alice")
      Server("bob")
    }
    try await world.run { world in
      let bob = Probe(on: world.machine("bob"))
      let port = try await bob.bind().port
      let target = SocketAddress(world.machine("bob").address(), port: port)
      let probe = Probe(on: world.machine("alice"))
      try await probe.bind()
      for hopLimit in 1...SimulatorLimits.internetRouters + 1 {
        try await probe.send([hopLimit], to: target, hopLimit: hopLimit)
        try await probe.machine.sleep(for: .milliseconds(60))
      }
      let failures = await probe.failures
      #expect(failures.map(\.reason) == Array(repeating: .hopLimitExceeded, count: 8))
      #expect(failures.map(\.reporter) == (1...8).map { IPAddress(198, 18, 0, $0) })
      #expect(await bob.received.map(\.hopLimit) == [1])
    }
  }

  @Test("reports what is too large for a link on the way, and cuts it where that is allowed")
  func tooLarge() async throws {
    let world = World(seed: 1) {
      Server("alice")
      Server("bob").linked(changed(.access) { $0.mtu = 1280 })
    }
    try await world.run { world in
      let bob = Probe(on: world.machine("bob"))
      let port = try await bob.bind().port
      let target = SocketAddress(world.machine("bob").address(), port: port)
      let whole = (0..<1400).map { UInt8(truncatingIfNeeded: $0) }

      let strict = Probe(on: world.machine("alice"))
      try await strict.bind()
      try await strict.send(whole, to: target)
      try await strict.machine.sleep(for: .milliseconds(60))
      #expect(await strict.failures.map(\.reason) == [.tooLarge(mtu: 1280)])
      #expect(await bob.received.isEmpty)

      let lenient = Probe(on: world.machine("alice"))
      try await lenient.bind { $0.allowsFragmentation = true }
      try await lenient.send(whole, to: target)
      try await lenient.machine.sleep(for: .milliseconds(60))
      #expect(await bob.received.map(\.bytes) == [whole])

      // Too large for alice's own link: the socket says so itself.
      await #expect(throws: NetworkError.datagramTooLarge(size: 1473, to: target)) {
        try await strict.send(Array(repeating: 0, count: 1473), to: target)
      }
    }
  }

  @Test("stops taking datagrams when the link is behind, and says when it goes on")
  func backPressure() async throws {
    let world = World(seed: 1) {
      Server("alice").linked(
        changed(.access) {
          $0.bitsPerSecond = 8_000_000
          $0.queueBytes = 1_000_000
        })
      Server("bob")
    }
    try await world.run { world in
      let bob = Probe(on: world.machine("bob"))
      let target = SocketAddress(world.machine("bob").address(), port: try await bob.bind().port)
      let alice = Probe(on: world.machine("alice"))
      try await alice.bind()
      let left = try await alice.flood(400, of: 1000, to: target)
      #expect(left > 150 && left < 250)
      let start = world.now
      try await alice.waitUntilWritable()
      // Half of the socket's buffer of 212,992 bytes has left, at a megabyte a second.
      #expect((90...120).contains(Int(start.duration(to: world.now) / .milliseconds(1))))
      try await alice.machine.sleep(for: .seconds(1))
      #expect(await bob.received.count == 400 - left)
    }
  }

  @Test("keeps marks of congestion, addresses and IPv6 as they are")
  func headers() async throws {
    let world = World(seed: 1) {
      Server("alice")
      Server("bob")
    }
    try await world.run { world in
      for family in IPAddress.Family.allCases {
        let bob = Probe(on: world.machine("bob"))
        let own = world.machine("bob").address(family)
        let target = SocketAddress(own, port: try await bob.bind(.any(family)).port)
        let alice = Probe(on: world.machine("alice"))
        let port = try await alice.bind(.any(family)).port
        try await alice.send([1], to: target, ecn: .capable0)
        try await alice.machine.sleep(for: .milliseconds(60))
        #expect(
          await bob.received == [
            Probe.Received(
              bytes: [1], from: SocketAddress(world.machine("alice").address(family), port: port), to: own,
              ecn: .capable0, hopLimit: 56)
          ])
      }
    }
  }

  @Test("carries nothing one way where it is cut, and the other way all the same")
  func cuts() async throws {
    let world = World(seed: 1) {
      Server("alice")
      Server("bob")
    }
    try await world.run { world in
      let (alice, bob) = (Probe(on: world.machine("alice")), Probe(on: world.machine("bob")))
      let toAlice = SocketAddress(world.machine("alice").address(), port: try await alice.bind().port)
      let toBob = SocketAddress(world.machine("bob").address(), port: try await bob.bind().port)
      func exchange() async throws -> [Int] {
        try await alice.send([1], to: toBob)
        try await bob.send([2], to: toAlice)
        try await alice.machine.sleep(for: .milliseconds(60))
        return [await alice.received.count, await bob.received.count]
      }
      #expect(try await exchange() == [1, 1])
      world.cut(from: "alice", to: "bob")
      #expect(try await exchange() == [2, 1])
      world.mend(from: "alice", to: "bob")
      #expect(try await exchange() == [3, 2])
    }
  }

  @Test(
    "carries a datagram in parts that its sender made, over IPv4 and IPv6",
    arguments: IPAddress.Family.allCases)
  func partsFromTheSource(family: IPAddress.Family) async throws {
    let world = World(seed: 1) {
      Server("alice")
      Server("bob")
    }
    try await world.run { world in
      let bob = Probe(on: world.machine("bob"))
      let port = try await bob.bind(.any(family)).port
      let target = SocketAddress(world.machine("bob").address(family), port: port)
      let alice = Probe(on: world.machine("alice"))
      try await alice.bind(.any(family)) { $0.allowsFragmentation = true }
      let payloads = [5000, 4000].map { size in (0..<size).map { UInt8(truncatingIfNeeded: $0 / 7) } }
      for payload in payloads { try await alice.send(payload, to: target) }
      try await alice.machine.sleep(for: .milliseconds(60))
      #expect(await bob.received.map(\.bytes) == payloads)
    }
  }

  @Test("lets a socket of one interface take part in that interface's traffic alone")
  func scopes() async throws {
    let world = World(seed: 1) {
      Server("alice")
      Server("bob")
    }
    try await world.run { world in
      let (alice, bob) = (world.machine("alice"), world.machine("bob"))
      let outside = Probe(on: alice)
      let port = try await outside.bind { $0.interface = "eth0" }.port
      let own = Probe(on: alice)
      try await own.bind()
      let other = Probe(on: bob)
      try await other.bind()
      try await own.send([1], to: .loopback(.v4, port: port))
      try await other.send([2], to: SocketAddress(alice.address(), port: port))
      try await alice.sleep(for: .milliseconds(60))
      #expect(await outside.received.map(\.bytes) == [[2]])
      #expect(await own.failures.map(\.reason) == [.portUnreachable])
      let loopback = Probe(on: alice)
      try await loopback.bind { $0.interface = "lo" }
      await #expect(throws: NetworkError.self) {
        try await loopback.send([3], to: SocketAddress(bob.address(), port: 9))
      }
    }
  }

  @Test("drops what no part is small enough for")
  func tinyLink() async throws {
    let world = World(seed: 1) {
      Server("alice")
      Server("bob").linked(changed(.access) { $0.mtu = 20 })
    }
    try await world.run { world in
      let alice = Probe(on: world.machine("alice"))
      try await alice.bind { $0.allowsFragmentation = true }
      try await alice.send([1], to: SocketAddress(world.machine("bob").address(), port: 9))
      try await alice.machine.sleep(for: .milliseconds(60))
    }
    #expect(world.hops == 1, "only the report came back")
  }

  @Test("refuses what cannot be, and names it")
  func badInput() async throws {
    let world = World(seed: 1) { Server("alice") }
    try await world.run { world in
      let alice = world.machine("alice")
      let probe = Probe(on: alice)
      let bound = try await probe.bind(SocketAddress(alice.address(), port: 5000))
      #expect(throws: NetworkError.addressInUse(bound)) { try alice.bindUDP(to: bound) }
      let all = SocketAddress.any(.v4, port: 5000)
      #expect(throws: NetworkError.addressInUse(all)) { try alice.bindUDP(to: all) }
      let foreign = SocketAddress(IPAddress(9, 9, 9, 9), port: 1)
      #expect(throws: NetworkError.addressNotAvailable(foreign)) { try alice.bindUDP(to: foreign) }
      #expect(throws: NetworkError.noSuchInterface("wlan7")) {
        try alice.bindUDP(to: .any(.v4), options: changed(UDPOptions()) { $0.interface = "wlan7" })
      }
      let v6 = SocketAddress.loopback(.v6, port: 1)
      await #expect(throws: NetworkError.unusableDestination(v6)) { try await probe.send([1], to: v6) }
      await #expect(throws: NetworkError.nameNotFound("nobody")) { _ = try await alice.resolve("nobody") }
      #expect(try await alice.resolve("alice") == alice.ownAddresses)
      #expect(try await alice.resolve("192.0.2.7") == [IPAddress(192, 0, 2, 7)])
    }
  }
}

extension Probe {
  /// Sends so many datagrams and says how many the socket did not take.
  fileprivate func flood(_ count: Int, of size: Int, to address: SocketAddress) throws -> Int {
    var outbox = DatagramOutbox(byteCapacity: count * size, runCapacity: count)
    let bytes = [UInt8](repeating: 9, count: size)
    for _ in 0..<count { outbox.append(bytes.span.bytes, to: address) }
    try socket.send(&outbox)
    return outbox.count
  }

  fileprivate func waitUntilWritable() async throws {
    let socket = socket!
    try await machine.suspend({ "room in the socket" }) { (wait: Wait<Void>) in
      socket.onWritable = { wait.succeed(()) }
    }
  }
}

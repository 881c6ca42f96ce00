import TestSupport
import Testing
import Warren
import WarrenSimulator

@Suite("Datagrams")
struct DatagramTests {
  @Test(
    "arrive whole and in order, whatever their sizes", arguments: TwoMachines.allCases, [true, false])
  func sizes(world: TwoMachines, offload: Bool) async throws {
    try await world.run { pair in
      let bob = Probe(on: pair.bob)
      let port = try await bob.bind { $0.usesOffload = offload }.port
      let alice = Probe(on: pair.alice)
      try await alice.bind { $0.usesOffload = offload }
      let target = SocketAddress(pair.bobIP(.v4), port: port)
      // Runs of equal ones, a shorter last, single ones, an empty one, and a change of size in the middle.
      let sizes = Array(repeating: 1200, count: 70) + [300, 1200, 1200, 0, 5, 5, 5, 1000, 999, 1000]
      let payloads = sizes.enumerated().map { index, size in
        (0..<size).map { UInt8(truncatingIfNeeded: index &+ $0) }
      }
      try await alice.send(payloads, to: target)
      await bob.waitFor(sizes.count)
      let received = await bob.received.map(\.bytes)
      #expect(received.map(\.count) == sizes)
      #expect(received == payloads)
      await alice.close()
      await bob.close()
    }
  }

  @Test("leave as the run they came in", arguments: TwoMachines.allCases)
  func runs(world: TwoMachines) async throws {
    try await world.run { pair in
      let (alice, bob) = (Probe(on: pair.alice), Probe(on: pair.bob))
      let port = try await bob.bind().port
      try await alice.bind()
      let bytes = (0..<10_050).map { UInt8(truncatingIfNeeded: $0 / 3) }
      try await alice.sendRun(bytes, of: 1000, to: SocketAddress(pair.bobIP(.v4), port: port))
      await bob.waitFor(11)
      #expect(await bob.received.map(\.bytes.count) == Array(repeating: 1000, count: 10) + [50])
      #expect(await bob.received.flatMap(\.bytes) == bytes)
      await alice.close()
      await bob.close()
    }
  }

  @Test(
    "carry their marks, hop limits and addresses", arguments: TwoMachines.allCases, IPAddress.Family.allCases)
  func headers(world: TwoMachines, family: IPAddress.Family) async throws {
    try await world.run { pair in
      let (alice, bob) = (Probe(on: pair.alice), Probe(on: pair.bob))
      let port = try await bob.bind(.any(family)).port
      let own = try await alice.bind(.any(family)).port
      let target = SocketAddress(pair.bobIP(family), port: port)
      for mark in [ECN.capable0, .capable1, .congestionExperienced, .notCapable] {
        try await alice.send([[mark.rawValue]], to: target, ecn: mark, hopLimit: 33)
      }
      await bob.waitFor(4)
      let received = await bob.received
      #expect(received.map(\.ecn) == [.capable0, .capable1, .congestionExperienced, .notCapable])
      #expect(received.allSatisfy { $0.from == SocketAddress(pair.aliceIP(family), port: own) })
      #expect(received.allSatisfy { $0.to == pair.bobIP(family) })
      // Eight routers lie between two simulated machines, none on loopback.
      #expect(received.allSatisfy { $0.hopLimit == (world == .simulated ? 25 : 33) })
      await alice.close()
      await bob.close()
    }
  }

  @Test("that cannot leave are named and do not hold up the others", arguments: TwoMachines.allCases)
  func refusals(world: TwoMachines) async throws {
    try await world.run { pair in
      let (alice, bob) = (Probe(on: pair.alice), Probe(on: pair.bob))
      let good = SocketAddress(pair.bobIP(.v4), port: try await bob.bind().port)
      try await alice.bind()
      let v6 = SocketAddress(pair.bobIP(.v6), port: 1)
      let portless = SocketAddress(pair.bobIP(.v4), port: 0)
      #expect(
        try await alice.sendAround(good, 65_508, to: good) == [.datagramTooLarge(size: 65_508, to: good)])
      #expect(try await alice.sendAround(v6, 10, to: good) == [.unusableDestination(v6)])
      #expect(try await alice.sendAround(portless, 10, to: good) == [.unusableDestination(portless)])
      // The system refuses this one before anything leaves.
      let everyone = SocketAddress(IPAddress(255, 255, 255, 255), port: 9)
      #expect(
        try await alice.sendAround(everyone, 10, to: good)
          == [.permissionDenied(doing: "sending to", everyone)])
      await bob.waitFor(8)
      #expect(await bob.received.map(\.bytes) == [[1], [2], [1], [2], [1], [2], [1], [2]])
      await alice.close()
      await bob.close()
    }
  }

  @Test("that nobody takes come back as reports", arguments: TwoMachines.allCases, IPAddress.Family.allCases)
  func failures(world: TwoMachines, family: IPAddress.Family) async throws {
    try await world.run { pair in
      let alice = Probe(on: pair.alice)
      try await alice.bind(.any(family))
      let bob = Probe(on: pair.bob)
      let target = SocketAddress(pair.bobIP(family), port: try await bob.bind(.any(family)).port)
      await bob.close()
      // The system has a budget for reports, which all that goes on beside shares: what is over it is not reported.
      for _ in 0..<100 where await alice.failures.isEmpty {
        try await alice.send([[7, 8, 9]], to: target)
        try await pair.alice.sleep(for: .milliseconds(100))
      }
      #expect(
        await alice.failures.first
          == DeliveryFailure(
            reason: .portUnreachable, destination: target, reporter: target.ip, excerpt: [7, 8, 9]))
      // The socket lives on.
      let own = try await alice.bind(.any(family)).port
      try await alice.send([[1]], to: SocketAddress(pair.aliceIP(family), port: own))
      for _ in 0..<100 where await alice.received.isEmpty {
        try await pair.alice.sleep(for: .milliseconds(10))
      }
      #expect(await alice.received.map(\.bytes) == [[1]])
      await alice.close()
    }
  }

  @Test("wait in the system as long as nobody takes them", arguments: TwoMachines.allCases)
  func waiting(world: TwoMachines) async throws {
    try await world.run { pair in
      let target = SocketAddress.loopback(.v4)
      let machine = pair.alice
      let receiver = try machine.bindUDP(to: target)
      let sender = try machine.bindUDP(to: target)
      var outbox = DatagramOutbox(byteCapacity: 100)
      outbox.append([1 as UInt8].span.bytes, to: receiver.localAddress)
      try sender.send(&outbox)
      try await machine.sleep(for: .milliseconds(20))
      var count = 0
      try await machine.suspend({ "a datagram" }) { (wait: Wait<Void>) in
        receiver.onDatagrams = { batch in
          count += batch.count
          wait.succeed(())
        }
      }
      #expect(count == 1)
      receiver.close()
      sender.close()
    }
  }

  @Test("want an address that is there, free and ours", arguments: TwoMachines.allCases)
  func badInput(world: TwoMachines) async throws {
    try await world.run { pair in
      let machine = pair.alice
      let first = try machine.bindUDP(to: .loopback(.v4))
      let taken = first.localAddress
      #expect(throws: NetworkError.addressInUse(taken)) { try machine.bindUDP(to: taken) }
      let foreign = SocketAddress(IPAddress(192, 0, 2, 77), port: 4433)
      #expect(throws: NetworkError.addressNotAvailable(foreign)) { try machine.bindUDP(to: foreign) }
      var options = UDPOptions()
      options.interface = "nonesuch0"
      #expect(throws: NetworkError.noSuchInterface("nonesuch0")) {
        try machine.bindUDP(to: .any(.v4), options: options)
      }
      options = UDPOptions()
      options.sharesPort = true
      let shared = try machine.bindUDP(to: .loopback(.v4), options: options)
      let twin = try machine.bindUDP(to: shared.localAddress, options: options)
      #expect(twin.localAddress == shared.localAddress)
      first.close()
      first.close()
      var outbox = DatagramOutbox(byteCapacity: 100)
      outbox.append([1 as UInt8].span.bytes, to: taken)
      #expect(throws: NetworkError.closed) { try first.send(&outbox) }
      // Nothing can be sent any more, and trying must end.
      let dropped = first.sendOrDrop(&outbox)
      let isEmpty = outbox.isEmpty
      #expect(dropped == 1 && isEmpty)
      // Its port is free again.
      try machine.bindUDP(to: taken).close()
      shared.close()
      twin.close()
    }
  }
}

extension Probe {
  /// Sends all of it at once.
  fileprivate func send(
    _ payloads: [[UInt8]], to address: SocketAddress, ecn: ECN = .notCapable, hopLimit: UInt8? = nil
  ) throws {
    var outbox = DatagramOutbox()
    for bytes in payloads { outbox.append(bytes.span.bytes, to: address, ecn: ecn, hopLimit: hopLimit) }
    try socket.send(&outbox)
    let left = outbox.count
    #expect(left == 0)
  }

  fileprivate func sendRun(_ bytes: [UInt8], of size: Int, to address: SocketAddress) throws {
    var outbox = DatagramOutbox()
    outbox.append(run: bytes.span.bytes, segmentSize: size, to: address)
    try socket.send(&outbox)
  }

  /// Sends a datagram that cannot leave between two that can, and tells what happened.
  fileprivate func sendAround(
    _ bad: SocketAddress, _ size: Int, to good: SocketAddress
  ) throws -> [NetworkError] {
    var outbox = DatagramOutbox()
    outbox.append([1 as UInt8].span.bytes, to: good)
    outbox.append([UInt8](repeating: 0, count: size).span.bytes, to: bad)
    outbox.append([2 as UInt8].span.bytes, to: good)
    var errors: [NetworkError] = []
    while !outbox.isEmpty {
      do throws(NetworkError) { try socket.send(&outbox) } catch { errors.append(error) }
    }
    return errors
  }
}

import TestSupport
import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("A world")
struct WorldTests {
  @Test("carries a datagram in the time that its links take")
  func carries() async throws {
    let world = World(seed: 1) {
      Server("alice")
      Server("bob")
    }
    try await world.run { world in
      let (alice, bob) = (world.machine("alice"), world.machine("bob"))
      let probe = Probe(on: bob)
      let address = SocketAddress(bob.address(), port: try await probe.bind().port)
      let start = world.now
      let sender = try alice.bindUDP(to: .any(.v4))
      var outbox = DatagramOutbox()
      outbox.append(([1, 2, 3] as [UInt8]).span.bytes, to: address)
      try sender.send(&outbox)
      try await alice.sleep(for: .milliseconds(100))
      #expect(await probe.received.map(\.bytes) == [[1, 2, 3]])
      #expect(start.duration(to: world.now) == .milliseconds(100))
    }
    #expect(world.hops == 1)
  }

  @Test("does the same for the same seed, and something else for another")
  func isDeterministic() async throws {
    func trace(_ seed: UInt64) async throws -> Trace {
      let world = World(seed: seed) {
        for name in ["a", "b", "c"] { Server(name).linked(changed(.access) { $0.loss = 0.2 }) }
      }
      try await world.run { world in
        let probe = Probe(on: world.machine("a"))
        let port = try await probe.bind().port
        let address = SocketAddress(world.machine("a").address(), port: port)
        for name in ["b", "c"] {
          let machine = world.machine(name)
          machine.spawn("sender") {
            let socket = try machine.bindUDP(to: .any(.v4))
            var outbox = DatagramOutbox()
            for _ in 0..<10 {
              outbox.append(machine.randomBytes(20).span.bytes, to: address)
              try socket.send(&outbox)
              try await machine.sleep(for: .milliseconds(5))
            }
          }
        }
        try await world.machine("a").sleep(for: .seconds(1))
      }
      return world.trace
    }
    let first = try await trace(3)
    let second = try await trace(3)
    let other = try await trace(4)
    #expect(first.hash == second.hash)
    #expect(first.events == second.events)
    #expect(first.hash != other.hash)
    #expect(first.count > 30)
  }

  @Test("says who waits on what when nothing can go on")
  func namesWhoIsStuck() async throws {
    let world = World(seed: 1) { Server("alice") }
    let error = await #expect(throws: RunError.self) {
      try await world.run { world in
        let alice = world.machine("alice")
        try await alice.suspend({ "a letter that never comes" }) { (_: Wait<Void>) in }
      }
    }
    guard case .stuck(_, _, let waiting, _) = error else {
      Issue.record("not stuck but \(String(describing: error))")
      return
    }
    #expect(waiting == ["alice: a letter that never comes"])
  }

  @Test("ends with its body, whoever still waits then, and for whatever")
  func endsWithBody() async throws {
    let world = World(seed: 1) { Server("alice") }
    let (letters, sender) = AsyncStream.makeStream(of: Int.self)
    let cancelled = try await world.run { world in
      let alice = world.machine("alice")
      let reader = alice.spawn("a reader") {
        for await _ in letters {}
        return Task.isCancelled
      }
      let sleeper = alice.spawn("a sleeper") { try await alice.sleep(for: .seconds(60)) }
      try await alice.sleep(for: .seconds(1))
      return (reader, sleeper)
    }
    #expect(try await cancelled.0.value)
    await #expect(throws: NetworkError.machineClosed) { try await cancelled.1.value }
    sender.finish()
    // Who begins when all is over is over at once.
    let late = world.machine("alice").spawn("late") { Task.isCancelled }
    #expect(late.isCancelled)
  }

  @Test("ends a run that sleeps by the system's clock, since nothing is left to wait for")
  func noticesForeignClocks() async throws {
    let world = World(seed: 1) { Server("alice") }
    await #expect(throws: RunError.self) {
      try await world.run { _ in try await Task.sleep(for: .milliseconds(50)) }
    }
  }

  @Test("fails a run from which a job escapes", arguments: ["Task", "detached"])
  func noticesEscapes(by means: String) async throws {
    let world = World(seed: 1) { Server("alice") }
    let error = await #expect(throws: RunError.self) {
      try await world.run { world in
        switch means {
        case "Task": await Task {}.value
        default: await Task.detached {}.value
        }
        try await world.machine("alice").sleep(for: .seconds(1))
      }
    }
    guard case .escaped = error else {
      Issue.record("not escaped but \(String(describing: error))")
      return
    }
  }
}

/// `original` with changes.
func changed<Value>(_ original: Value, _ change: (inout Value) -> Void) -> Value {
  var copy = original
  change(&copy)
  return copy
}

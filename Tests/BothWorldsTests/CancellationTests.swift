import Testing
import Warren
import WarrenSimulator

/// Every call of a machine that waits: how to make it wait for ever.
enum WaitingCall: String, CaseIterable, CustomTestStringConvertible {
  case sleep, connect, accept, read, write, resolve, deadline

  var testDescription: String { rawValue }

  /// Waits on alice's machine, and never ends by itself within a test's time.
  func wait(_ pair: TwoMachines.Pair) async throws {
    let alice = pair.alice
    switch self {
    case .sleep: try await alice.sleep(for: .seconds(3600))
    case .deadline:
      try await alice.withDeadline(.seconds(3600)) { try await alice.sleep(for: .seconds(7200)) }
    case .connect:
      _ = try await alice.connectTCP(to: SocketAddress(pair.bobIP(.v4), port: 9))
    case .accept: _ = try await alice.listenTCP(on: .any(.v4)).accept()
    case .read:
      let (mine, theirs) = try await WaitingCall.connected(pair)
      _ = try await mine.read()
      theirs.close()
    case .write:
      let (mine, theirs) = try await WaitingCall.connected(pair)
      // Nobody reads: the buffers of both sides fill up.
      while true { try await mine.write(Array(repeating: 1, count: 1_000_000)) }
      theirs.close()
    case .resolve: _ = try await alice.resolve("localhost")
    }
  }

  /// Whether it still waits after a few milliseconds: this machine answers itself sooner.
  func lasts(in world: TwoMachines) -> Bool {
    world == .simulated || self != .connect && self != .resolve
  }

  /// A connection of alice's with herself: both ends on one machine.
  private static func connected(
    _ pair: TwoMachines.Pair
  ) async throws -> (any TCPConnection, any TCPConnection) {
    let listener = try pair.alice.listenTCP(on: .any(.v4))
    let target = SocketAddress(pair.aliceIP(.v4), port: listener.localAddress.port)
    let mine = try await pair.alice.connectTCP(to: target)
    let theirs = try await listener.accept()
    listener.close()
    return (mine, theirs)
  }
}

@Suite("A waiting call")
struct CancellationTests {
  @Test("ends at once when its task is cancelled", arguments: TwoMachines.allCases, WaitingCall.allCases)
  func cancellation(world: TwoMachines, call: WaitingCall) async throws {
    try await world.run { pair in
      let task = pair.alice.spawn("\(call)") { try await call.wait(pair) }
      try await pair.alice.sleep(for: .milliseconds(call == .write ? 100 : 5))
      let start = pair.alice.now
      task.cancel()
      let result = await task.result
      if call.lasts(in: world) {
        #expect(throws: CancellationError.self) { try result.get() }
      }
      // That it ends at all is the proof, since it would wait for an hour; in simulated time "at once" is exact.
      if world == .simulated { #expect(start.duration(to: pair.alice.now) == .zero) }
      #expect(pair.alice.waits.waiting == [])
    }
  }

  @Test(
    "ends at once when its task was cancelled before it began", arguments: TwoMachines.allCases,
    [WaitingCall.sleep, .accept, .read, .deadline])
  func cancelledBefore(world: TwoMachines, call: WaitingCall) async throws {
    try await world.run { pair in
      let task = pair.alice.spawn("\(call)") {
        // On the loop nothing else runs until this waits, so the cancellation below comes first.
        withUnsafeCurrentTask { $0?.cancel() }
        try await call.wait(pair)
      }
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(pair.alice.waits.waiting == [])
    }
  }

  @Test("ends when its machine is closed", arguments: TwoMachines.allCases, WaitingCall.allCases)
  func closing(world: TwoMachines, call: WaitingCall) async throws {
    try await world.run { pair in
      let task = pair.alice.spawn("\(call)") { try await call.wait(pair) }
      try await pair.alice.sleep(for: .milliseconds(call == .write ? 100 : 5))
      await pair.alice.close()
      if case .failure(let error) = await task.result, call.lasts(in: world) {
        #expect(error as? NetworkError == .machineClosed, "\(error)")
      }
      #expect(pair.alice.waits.waiting == [])
      #expect(throws: NetworkError.machineClosed) { try pair.alice.bindUDP(to: .any(.v4)) }
      await #expect(throws: NetworkError.machineClosed) { try await pair.alice.sleep(for: .milliseconds(1)) }
    }
  }

  @Test("has no timer left when its machine is closed", arguments: TwoMachines.allCases)
  func closingTimers(world: TwoMachines) async throws {
    try await world.run { pair in
      let alice = pair.alice
      var fired = false
      let timer = alice.makeTimer { fired = true }
      timer.schedule(at: alice.now.advanced(by: .milliseconds(10)))
      #expect(timer.isScheduled)
      await alice.close()
      #expect(!timer.isScheduled)
      try await pair.bob.sleep(for: .milliseconds(30))
      #expect(!fired)
    }
  }

  @Test("ends when its own socket is closed", arguments: TwoMachines.allCases)
  func closingSocket(world: TwoMachines) async throws {
    try await world.run { pair in
      let alice = pair.alice
      let listener = try alice.listenTCP(on: .any(.v4))
      let target = SocketAddress(pair.aliceIP(.v4), port: listener.localAddress.port)
      let mine = try await alice.connectTCP(to: target)
      let theirs = try await listener.accept()
      let waiting = Waiting(listener: listener, reader: mine, writer: theirs)
      let tasks = [
        alice.spawn("accept") { _ = try await waiting.listener.accept() },
        alice.spawn("read") { _ = try await waiting.reader.read() },
        alice.spawn("write") {
          while true { try await waiting.writer.write(Array(repeating: 1, count: 1_000_000)) }
        },
      ]
      try await alice.sleep(for: .milliseconds(5))
      listener.close()
      mine.close()
      theirs.close()
      for task in tasks {
        if case .failure(let error) = await task.result {
          #expect(
            error as? NetworkError == .closed || error as? NetworkError == .connectionReset(mine.localAddress)
          )
        }
      }
      #expect(alice.waits.waiting == [])
    }
  }

  /// Sockets that several tasks of one machine use.
  private struct Waiting: @unchecked Sendable {
    var listener: any TCPListener
    var reader: any TCPConnection
    var writer: any TCPConnection
  }

  @Test("is cancelled by a deadline, which says so", arguments: TwoMachines.allCases)
  func deadlines(world: TwoMachines) async throws {
    try await world.run { pair in
      let alice = pair.alice
      await #expect(throws: DeadlineExceeded(limit: .milliseconds(20))) {
        try await alice.withDeadline(.milliseconds(20)) { try await alice.sleep(for: .seconds(60)) }
      }
      let value = try await alice.withDeadline(.seconds(60)) {
        try await alice.sleep(for: .milliseconds(1))
        return 42
      }
      #expect(value == 42)
      await #expect(throws: NetworkError.closed) {
        try await alice.withDeadline(.seconds(60)) { throw NetworkError.closed }
      }
      #expect(alice.waits.waiting == [])
      #expect(alice.waits.runningTasks.filter { $0.contains("deadline") } == [])
    }
  }
}

import Glibc
import Synchronization
import Testing
import WarrenMachine

@testable import WarrenEventLoop

/// An actor pinned in one line.
private actor Counter {
  let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
  private(set) var count = 0

  init(machine: any Machine) { self.machine = machine }

  func increment() -> Bool {
    count += 1
    return machine.isOnExecutor
  }

  /// Waits, and says whether it came back to the loop.
  func rest() async throws -> Bool {
    try await machine.sleep(for: .milliseconds(1))
    return machine.isOnExecutor
  }

  nonisolated func incrementFromTheLoop() {
    assumeIsolated { $0.count += 1 }
  }
}

extension LocalMachineTests {
  @Suite("The event loop as an executor")
  struct Executor {
    @Test("what is submitted runs on the loop in the order of submission")
    func keepsOrder() async throws {
      let loop = EventLoop()
      let seen = Mutex<[Int]>([])
      for index in 0..<1000 {
        loop.submit { [unowned loop] in
          #expect(loop.isCurrent)
          seen.withLock { $0.append(index) }
        }
      }
      await withUnsafeContinuation { continuation in loop.submit { continuation.resume() } }
      #expect(!loop.isCurrent)
      #expect(seen.withLock { $0 } == Array(0..<1000))
    }

    @Test("an actor pinned to a machine runs on its loop, before and after a wait")
    func actorIsPinned() async throws {
      let machine = LocalMachine()
      let counter = Counter(machine: machine)
      #expect(await counter.increment())
      #expect(try await counter.rest())
      #expect(await counter.increment())
      #expect(await counter.count == 2)
      await machine.close()
    }

    @Test("a plain call on the loop is inside its actors")
    func isolationIsKnown() async throws {
      let machine = LocalMachine()
      let counter = Counter(machine: machine)
      try await machine.run { counter.incrementFromTheLoop() }
      #expect(await counter.count == 1)
      await machine.close()
    }

    @Test("a spawned task starts on the loop and resumes there after waits, values and groups")
    func spawnStaysOnTheLoop() async throws {
      let machine = LocalMachine()
      let places = try await machine.spawn("places") {
        var places = [machine.isOnExecutor]
        try await machine.sleep(for: .milliseconds(1))
        places.append(machine.isOnExecutor)
        await Task.yield()
        places.append(machine.isOnExecutor)
        let value = machine.spawn("inner") { machine.isOnExecutor }
        places.append(try await value.value)
        places.append(machine.isOnExecutor)
        await withTaskGroup(of: Bool.self) { group in
          group.addTask { machine.isOnExecutor }
          for await place in group { places.append(place) }
        }
        places.append(machine.isOnExecutor)
        return places
      }.value
      #expect(places == Array(repeating: true, count: 7))
      #expect(machine.waits.runningTasks.isEmpty)
      await machine.close()
    }

    @Test("two loops call each other's actors")
    func twoLoops() async throws {
      let first = LocalMachine(name: "first")
      let second = LocalMachine(name: "second")
      let counter = Counter(machine: second)
      let places = try await first.run {
        var places: [Bool] = []
        for _ in 0..<100 {
          places.append(await counter.increment())
          places.append(first.isOnExecutor)
        }
        return places
      }
      #expect(places == Array(repeating: true, count: 200))
      await first.close()
      await second.close()
    }

    @Test("several machines share a loop, and closing one leaves the other at work")
    func sharedLoop() async throws {
      let loop = EventLoop(name: "shared")
      let first = LocalMachine(name: "first", loop: loop)
      let second = LocalMachine(name: "second", loop: loop)
      try await first.run { try await first.sleep(for: .milliseconds(1)) }
      let rest = second.spawn("rest") { try await second.sleep(for: .milliseconds(20)) }
      await first.close()
      try await rest.value
      await second.close()
    }

    @Test("jobs that were queued still run when everything else has let go of the loop")
    func noJobIsLost() async throws {
      let count = Mutex(0)
      await withUnsafeContinuation { (ended: UnsafeContinuation<Void, Never>) in
        let loop = EventLoop(name: "short")
        for _ in 0..<1000 { loop.submit { count.withLock { $0 += 1 } } }
        loop.submit { ended.resume() }
      }
      #expect(count.withLock { $0 } == 1000)
    }

    @Test("many loops, made and dropped, leave no thread and no descriptor behind")
    func loopsGo() async throws {
      waitForLoopsToEnd()
      let before = openDescriptors()
      for index in 0..<50 {
        let machine = LocalMachine(name: "brief-\(index)")
        try await machine.run { [unowned machine] in try await machine.sleep(for: .microseconds(10)) }
        // Half of them are dropped without being closed.
        if index % 2 == 0 { await machine.close() }
      }
      waitForLoopsToEnd()
      #expect(openDescriptors() == before)
    }
  }
}

import Foundation
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

    @Test("many loops, made and dropped, leave no thread behind", .timeLimit(.minutes(1)))
    func loopsGo() async throws {
      let cores = try await brieflyUsedLoops(50)
      // A core goes with its thread, and only after libuv has found nothing left open on the loop.
      while cores.contains(where: { $0.core != nil }) { await Task.yield() }
    }

    @Test(
      "many loops leave as many descriptors open as there were, which only a process of its own can count",
      .timeLimit(.minutes(1)))
    func descriptors() async throws {
      if CommandLine.arguments.contains("--filter"), CommandLine.arguments.contains("Executor/descriptors") {
        // libuv keeps two descriptors from its first loop on.
        _ = try await brieflyUsedLoops(1)
        let before = try await settledDescriptors()
        _ = try await brieflyUsedLoops(50)
        #expect(try await settledDescriptors() == before)
      } else {
        let process = Process()
        process.executableURL = URL(filePath: CommandLine.arguments[0])
        process.arguments = ["--testing-library", "swift-testing", "--filter", "Executor/descriptors"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
      }
    }

    /// How many descriptors are open when every loop has gone but one.
    private func settledDescriptors() async throws -> Int {
      let machine = LocalMachine(name: "clock")
      // The loops that were dropped close theirs on threads of their own: looked at until it stays the same.
      var counts = [0]
      while counts.count < 10 || Set(counts.suffix(10)).count > 1 {
        try await machine.sleep(for: .milliseconds(5))
        counts.append(openDescriptors())
      }
      await machine.close()
      return counts.last!
    }

    private struct WeakCore: @unchecked Sendable {
      weak var core: LoopCore?
    }

    /// Makes loops, uses each a little, and drops them; half of them without closing their machine.
    private func brieflyUsedLoops(_ count: Int) async throws -> [WeakCore] {
      var cores: [WeakCore] = []
      for index in 0..<count {
        let machine = LocalMachine(name: "brief-\(index)")
        cores.append(WeakCore(core: machine.loop.core))
        try await machine.run { [unowned machine] in try await machine.sleep(for: .microseconds(10)) }
        if index % 2 == 0 { await machine.close() }
      }
      return cores
    }
  }
}

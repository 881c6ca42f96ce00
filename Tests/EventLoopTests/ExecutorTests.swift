import Testing
import WarrenMachine

@testable import WarrenEventLoop

/// An actor pinned to a machine, with something to wait for.
private actor Pinned {
  nonisolated let machine: any Machine
  nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

  init(on machine: any Machine) { self.machine = machine }

  /// Waits again and again, and says how often it was not on the loop.
  func strays() async throws -> Int {
    var strays = 0
    func check() { if !machine.isOnExecutor { strays += 1 } }
    let machine = machine
    for _ in 0..<100 {
      check()
      try await machine.suspend({ "a moment" }) { (wait: Wait<Void>) in
        check()
        machine.submit { wait.succeed(()) }
      }
      check()
      try await machine.sleep(for: .microseconds(10))
      check()
    }
    return strays
  }

  func spawned() async throws -> [Bool] {
    let task = machine.spawn("spawned") {
      let before = self.machine.isOnExecutor
      try await self.machine.sleep(for: .microseconds(10))
      return [before, self.machine.isOnExecutor]
    }
    return try await task.value
  }
}

@Suite("An event loop")
struct ExecutorTests {
  @Test("keeps an actor on its thread, whoever calls it from wherever")
  func staysOnLoop() async throws {
    let machine = LocalMachine(name: "test")
    // This task prefers no executor: what it waits for resumes on Swift's pool, and has to come back.
    #expect(try await Pinned(on: machine).strays() == 0)
    #expect(try await Pinned(on: machine).spawned() == [true, true])
    await machine.close()
  }

  @Test("hears other threads although a job always asks for the next")
  func isFair() async throws {
    let machine = LocalMachine(name: "test")
    let busy = Busy(on: machine)
    await busy.start()
    try await machine.sleep(for: .milliseconds(5))
    #expect(await busy.stop() > 100)
    await machine.close()
  }

  /// Never leaves the loop without a job.
  private actor Busy {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private var turns = 0
    private var isStopped = false

    init(on machine: any Machine) { self.machine = machine }

    func start() {
      turns += 1
      guard !isStopped else { return }
      machine.submit { self.assumeIsolated { $0.start() } }
    }

    func stop() -> Int {
      isStopped = true
      return turns
    }
  }
}

import Testing
import WarrenEventLoop
import WarrenMachine

extension LocalMachineTests {
  @Suite("Timers and sleep")
  struct Timers {
    @Test("a sleep ends not before its time")
    func neverEarly() async throws {
      let machine = LocalMachine()
      try await machine.run {
        for microseconds in [1, 50, 300, 1000, 2500] {
          let start = machine.now
          try await machine.sleep(for: .microseconds(microseconds))
          #expect(start.duration(to: machine.now) >= .microseconds(microseconds))
        }
      }
      await machine.close()
    }

    @Test("timers fire in the order of their deadlines, and those of one instant in the order they were set")
    func order() async throws {
      let machine = LocalMachine()
      let seen = try await machine.run {
        let record = Record()
        let start = machine.now
        let timers = [(5, "d"), (1, "a"), (3, "b"), (3, "c")].map { delay, name in
          let timer = machine.makeTimer { record.entries.append(name) }
          timer.schedule(at: start.advanced(by: .milliseconds(delay)))
          return timer
        }
        try await machine.sleep(until: start.advanced(by: .milliseconds(6)))
        return withExtendedLifetime(timers) { record.entries }
      }
      #expect(seen == ["a", "b", "c", "d"])
      await machine.close()
    }

    @Test("a timer that was moved fires at its new time alone, and one that was cancelled not at all")
    func movedAndCancelled() async throws {
      let machine = LocalMachine()
      let seen = try await machine.run {
        let record = Record()
        let start = machine.now
        let moved = machine.makeTimer { record.entries.append("moved") }
        let cancelled = machine.makeTimer { record.entries.append("cancelled") }
        moved.schedule(at: start.advanced(by: .milliseconds(1)))
        cancelled.schedule(at: start.advanced(by: .milliseconds(1)))
        moved.schedule(at: start.advanced(by: .milliseconds(4)))
        cancelled.cancel()
        // A timer as well, and not a task: however late the loop is, timers fire in the order of their deadlines.
        let between = machine.makeTimer { record.entries.append("between") }
        between.schedule(at: start.advanced(by: .milliseconds(2)))
        try await machine.sleep(until: start.advanced(by: .milliseconds(5)))
        return record.entries
      }
      #expect(seen == ["between", "moved"])
      await machine.close()
    }

    @Test("a timer that sets itself for now does not keep the loop from anything else")
    func restlessTimer() async throws {
      let machine = LocalMachine()
      try await machine.run {
        let record = Record()
        record.timer = machine.makeTimer { record.timer?.schedule(at: Instant(nanoseconds: 0)) }
        record.timer?.schedule(at: machine.now)
        try await machine.sleep(for: .milliseconds(2))
        record.timer?.cancel()
        record.timer = nil
      }
      await machine.close()
    }

    @Test("cancelling a sleep ends it at once, from the loop and from elsewhere")
    func cancellation() async throws {
      let machine = LocalMachine()
      let start = machine.now
      let sleep = machine.spawn("long sleep") { try await machine.sleep(for: .seconds(3600)) }
      try await machine.run { sleep.cancel() }
      await #expect(throws: CancellationError.self) { try await sleep.value }

      let other = machine.spawn("long sleep") { try await machine.sleep(for: .seconds(3600)) }
      try await machine.run { try await machine.sleep(for: .milliseconds(1)) }
      #expect(machine.waits.waiting.count == 1)
      other.cancel()
      await #expect(throws: CancellationError.self) { try await other.value }
      #expect(machine.waits.waiting.isEmpty)
      #expect(start.duration(to: machine.now) < .seconds(60))
      await machine.close()
    }

    @Test("a deadline ends what takes too long, and spares what does not")
    func deadline() async throws {
      let machine = LocalMachine()
      await #expect(throws: DeadlineExceeded.self) {
        try await machine.withDeadline(.milliseconds(2)) { try await machine.sleep(for: .seconds(3600)) }
      }
      let value = try await machine.withDeadline(.seconds(60)) { 7 }
      #expect(value == 7)
      await machine.close()
    }

    @Test("closing the machine ends every sleep, and the next one too")
    func closing() async throws {
      let machine = LocalMachine()
      let sleep = machine.spawn("long sleep") { try await machine.sleep(for: .seconds(3600)) }
      try await machine.run { try await machine.sleep(for: .milliseconds(1)) }
      await machine.close()
      await #expect(throws: NetworkError.machineClosed) { try await sleep.value }
      await #expect(throws: NetworkError.machineClosed) { try await machine.sleep(for: .milliseconds(1)) }
      #expect(try await machine.run { machine.openHandles } == 0)
    }
  }
}

/// What happened, written by whoever runs on one machine.
private final class Record: @unchecked Sendable {
  var entries: [String] = []
  var timer: MachineTimer?
}

import Testing

@testable import WarrenMachine

@Suite("Instants")
struct InstantTests {
  @Test("are counted in nanoseconds and held to what can be counted")
  func arithmetic() {
    let start = Instant(nanoseconds: 5)
    #expect(start.advanced(by: .seconds(2)) == Instant(nanoseconds: 2_000_000_005))
    #expect(start.advanced(by: .nanoseconds(-6)) == Instant(nanoseconds: -1))
    #expect(start.duration(to: Instant(nanoseconds: 1_000_005)) == .milliseconds(1))
    #expect(start.advanced(by: .seconds(Int64.max)) == .distantFuture)
    #expect(Instant(nanoseconds: -5).advanced(by: .seconds(Int64.min)) == Instant(nanoseconds: .min))
    #expect(Instant.distantFuture.advanced(by: .seconds(1)) == .distantFuture)
    #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
    #expect(Duration.seconds(-3).wholeNanoseconds == -3_000_000_000)
    #expect((Duration.nanoseconds(1) / 3).wholeNanoseconds == 0)
  }

  @Test("are written as seconds")
  func text() {
    #expect(Instant(nanoseconds: 12_000_350_999).description == "12.000350 s")
    #expect(Instant(nanoseconds: -1_500_000_000).description == "-1.500000 s")
  }
}

@Suite("A queue of timers")
struct TimerQueueTests {
  private func at(_ nanoseconds: Int64) -> Instant { Instant(nanoseconds: nanoseconds) }

  @Test("fires in the order of deadlines, and of setting where they are equal")
  func order() {
    let queue = TimerQueue()
    defer { queue.removeAll() }
    var fired: [Int] = []
    let timers = (0..<5).map { index in queue.makeTimer { fired.append(index) } }
    for (timer, time) in zip(timers, [30, 10, 20, 10, 30] as [Int64]) { timer.schedule(at: at(time)) }
    #expect(queue.earliest == at(10))
    while queue.fireNext(at: at(20)) {}
    #expect(fired == [1, 3, 2])
    while queue.fireNext(at: at(100)) {}
    #expect(fired == [1, 3, 2, 0, 4])
    #expect(queue.count == 0)
  }

  @Test("lets a firing timer cancel and set others")
  func changesWhileFiring() {
    let queue = TimerQueue()
    defer { queue.removeAll() }
    var fired: [String] = []
    let victim = queue.makeTimer { fired.append("victim") }
    let late = queue.makeTimer { fired.append("late") }
    let first = queue.makeTimer {
      fired.append("first")
      victim.cancel()
      late.schedule(at: Instant(nanoseconds: 50))
    }
    first.schedule(at: at(1))
    victim.schedule(at: at(2))
    queue.fireDue(at: at(10))
    #expect(fired == ["first"])
    queue.fireDue(at: at(50))
    #expect(fired == ["first", "late"])
  }

  @Test("does not starve others when a timer sets itself for the past for ever")
  func selfSetting() {
    let queue = TimerQueue()
    defer { queue.removeAll() }
    var count = 0
    var timer: MachineTimer!
    defer { timer = nil }
    timer = queue.makeTimer {
      count += 1
      timer.schedule(at: Instant(nanoseconds: 0))
    }
    var other = false
    let patient = queue.makeTimer { other = true }
    timer.schedule(at: at(0))
    patient.schedule(at: at(5))
    for _ in 0..<3 { queue.fireDue(at: at(10)) }
    #expect(count == 3)
    #expect(other)
  }

  @Test("agrees with a list that is sorted anew each time, over 20,000 random changes")
  func model() {
    let queue = TimerQueue()
    defer { queue.removeAll() }
    var fired: [Int] = []
    let timers = (0..<200).map { index in queue.makeTimer { fired.append(index) } }
    var model: [Int: (time: Int64, sequence: Int)] = [:]
    var state: UInt64 = 42
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var now: Int64 = 0
    for step in 0..<20_000 {
      let index = random(timers.count)
      switch random(4) {
      case 0, 1:
        let time = now + 1 + Int64(random(1000))
        timers[index].schedule(at: at(time))
        model[index] = (time, step)
      case 2:
        timers[index].cancel()
        model[index] = nil
      default:
        now += Int64(random(20))
        queue.fireDue(at: at(now))
        let due = model.filter { $0.value.time <= now }.sorted {
          ($0.value.time, $0.value.sequence) < ($1.value.time, $1.value.sequence)
        }
        #expect(fired == due.map(\.key))
        for entry in due { model[entry.key] = nil }
        fired = []
      }
      #expect(queue.count == model.count)
      #expect(queue.earliest?.nanoseconds == model.values.map(\.time).min())
    }
  }
}

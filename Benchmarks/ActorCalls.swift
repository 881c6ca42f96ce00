import Warren

/// Calls between two actors on one loop.
enum ActorCalls {
  private actor Callee {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private var count = 0

    init(on machine: any Machine) { self.machine = machine }

    func add(_ value: Int) -> Int {
      count += value
      return count
    }
  }

  private actor Caller {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }

    init(on machine: any Machine) { self.machine = machine }

    private var answers = 0

    func call(_ callee: Callee, times: Int) async {
      // The caller's own state is touched after each answer, or the optimizer would not come back in between.
      for _ in 0..<times { answers &+= await callee.add(1) }
    }
  }

  static func run() async throws {
    let times = 2_000_000
    let machine = LocalMachine(name: "calls")
    let callee = Callee(on: machine)
    let caller = Caller(on: machine)
    let seconds = try await machine.run {
      let start = now()
      await caller.call(callee, times: times)
      return now() - start
    }
    let other = LocalMachine(name: "other")
    let far = Callee(on: other)
    let start = now()
    await caller.call(far, times: times / 200)
    let across = now() - start
    await machine.close()
    await other.close()
    print("actor calls")
    print("  on one loop              \(perSecond(times, seconds))/s")
    print("  from loop to loop        \(perSecond(times / 200, across))/s")
  }
}

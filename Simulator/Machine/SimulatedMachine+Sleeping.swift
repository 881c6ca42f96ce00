import WarrenMachine

/// Machines that are put to sleep, as a laptop is that somebody closes.
extension SimulatedMachine {
  /// Stands still for so long: nothing runs on it, its clock does not go on (as Linux' `CLOCK_MONOTONIC` does not), and what is sent to it
  /// is lost. The time of day goes on.
  public func fallAsleep(for time: Duration) {
    guard !isAsleep, time > .zero else { return }
    sleep = (since: now, until: world.now.advanced(by: time))
    clock.nanoseconds -= time.wholeNanoseconds
    world.timers.holdUp(self, for: time)
    world.record(.note("sleeps for \(time)"), at: place)
  }

  /// Whether it stands still.
  public var isAsleep: Bool { sleep.map { world.now < $0.until } ?? false }
}

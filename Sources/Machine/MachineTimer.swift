/// A call at a moment to come: set, moved and cancelled by whoever runs on the machine's executor.
///
/// A core's shell keeps one and moves it to the core's next deadline after every event.
public final class MachineTimer {
  let queue: TimerQueue
  let offset: Duration
  let fire: () -> Void
  /// Where it stands in the queue's heap; -1 where it does not.
  var place = -1

  init(queue: TimerQueue, offset: Duration, fire: @escaping () -> Void) {
    self.queue = queue
    self.offset = offset
    self.fire = fire
  }

  /// Whether it is going to fire.
  public var isScheduled: Bool { place >= 0 }

  /// Fires once at `deadline`, or as soon as can be when that is past, and at no other time set before.
  public func schedule(at deadline: Instant) {
    queue.schedule(self, at: deadline.advanced(by: .zero - offset))
  }

  /// Does not fire any more.
  public func cancel() { queue.cancel(self) }
}

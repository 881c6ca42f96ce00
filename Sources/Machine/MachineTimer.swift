/// A call at a moment to come: set, moved and cancelled by whoever runs on the machine's executor.
///
/// A core's shell keeps one and moves it to the core's next deadline after every event.
public final class MachineTimer {
  let queue: TimerQueue
  private let offset: ClockOffset?
  /// Only to be compared: a timer does not keep its owner alive.
  private let owner: UnsafeMutableRawPointer?
  let fire: () -> Void
  /// Under what the queue has it; nil where it is not set.
  var slot: Int?

  init(queue: TimerQueue, owner: AnyObject?, offset: ClockOffset?, fire: @escaping () -> Void) {
    self.queue = queue
    self.offset = offset
    self.owner = owner.map { Unmanaged.passUnretained($0).toOpaque() }
    self.fire = fire
  }

  func belongs(to other: AnyObject) -> Bool { owner == Unmanaged.passUnretained(other).toOpaque() }

  /// Whether it is going to fire.
  public var isScheduled: Bool { slot != nil }

  /// Fires once at `deadline`, or as soon as can be when that is past, and at no other time set before.
  public func schedule(at deadline: Instant) {
    queue.schedule(self, at: offset.map { deadline.advanced(byNanoseconds: -$0.nanoseconds) } ?? deadline)
  }

  /// Does not fire any more.
  public func cancel() { queue.cancel(self) }
}

/// How far the clock of a machine is ahead of its queue's; it stands still while the machine sleeps.
package final class ClockOffset {
  /// A number, since it is added whenever somebody asks what time it is.
  package var nanoseconds: Int64

  package init(_ value: Duration) { nanoseconds = value.wholeNanoseconds }
}

import CLibuv
import Glibc
import WarrenMachine

/// Wakes a loop for its timers, to some tens of microseconds: one `timerfd` for all of them.
///
/// libuv's own timers count milliseconds, and what paces packets cannot wait for the next.
final class LoopClock {
  private unowned let core: LoopCore
  private let descriptor: Int32
  private let poll: UnsafeMutablePointer<uv_poll_t>
  /// When the system will wake us.
  private var armed: Instant?

  init(core: LoopCore, loop: UnsafeMutablePointer<uv_loop_t>) {
    self.core = core
    descriptor = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK) | Int32(TFD_CLOEXEC))
    precondition(descriptor >= 0, "the system has no timer left")
    poll = .allocate(capacity: 1)
    checked(uv_poll_init(loop, poll, descriptor), "making an event loop's clock")
    poll.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    checked(uv_poll_start(poll, Int32(UV_READABLE.rawValue), clockRang), "starting an event loop's clock")
    core.timers.onEarlierDeadline = { [unowned self] in arm() }
  }

  static var now: Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// A deadline that moves to later is left alone: waking once too often costs less than moving each time.
  private func arm() {
    guard let deadline = core.timers.earliest, armed.map({ deadline < $0 }) ?? true else { return }
    armed = deadline
    // All zeroes would switch it off.
    let time = max(deadline.nanoseconds, 1)
    var setting = itimerspec()
    setting.it_value.tv_sec = Int(time / 1_000_000_000)
    setting.it_value.tv_nsec = Int(time % 1_000_000_000)
    timerfd_settime(descriptor, Int32(TFD_TIMER_ABSTIME), &setting, nil)
  }

  fileprivate func timeHasCome() {
    var expirations: UInt64 = 0
    _ = read(descriptor, &expirations, 8)
    armed = nil
    // Those that are set while these fire wait for the next round, so that sockets have their turn.
    core.timers.fireDue(at: LoopClock.now)
    arm()
  }

  func close() {
    core.timers.onEarlierDeadline = nil
    core.timers.removeAll()
    let descriptor = descriptor
    poll.pointee.data = UnsafeMutableRawPointer(bitPattern: Int(descriptor))
    uv_close(UnsafeMutableRawPointer(poll).assumingMemoryBound(to: uv_handle_t.self)) { handle in
      Glibc.close(Int32(Int(bitPattern: handle!.pointee.data)))
      handle!.deallocate()
    }
  }

  fileprivate var owner: LoopCore { core }
}

private func clockRang(_ handle: UnsafeMutablePointer<uv_poll_t>?, _ status: Int32, _ events: Int32) {
  let clock = Unmanaged<LoopClock>.fromOpaque(handle!.pointee.data).takeUnretainedValue()
  clock.owner.handle { clock.timeHasCome() }
}

import CDatagrams
import CLibuv
import Glibc
import Synchronization
import WarrenMachine

/// What an event loop's thread owns: the `uv_loop_t`, the jobs, the timers, and memory to receive into.
final class LoopCore: @unchecked Sendable {
  // Everything but `inbox` and the two atomics is the thread's own: hence `@unchecked`.

  private let loop: UnsafeMutablePointer<uv_loop_t>
  private let wakeUp: UnsafeMutablePointer<uv_async_t>
  private let thread = Atomic<UInt>(0)
  private let inbox = Guarded<Inbox>(Inbox())

  private struct Inbox {
    var items: [ExecutorItem] = []
    var isStopping = false
  }

  private var items: [ExecutorItem] = []
  /// Whether what is added will be seen before the loop goes to sleep.
  private var isAwake = false
  private var actors: UnownedSerialExecutor!
  private var tasks: UnownedTaskExecutor!

  let timers = TimerQueue()
  private var clock: LoopClock!
  let receiver = cd_receiver_create(
    UInt32(EventLoopLimits.receiveBuffers), UInt32(EventLoopLimits.receiveBufferBytes))!
  let receivedRuns = UnsafeMutablePointer<cd_run>.allocate(capacity: EventLoopLimits.receiveBuffers)
  /// Everything that libuv holds of ours, to be kept alive until libuv is done with it.
  private var handles: [UnsafeMutableRawPointer: AnyObject] = [:]

  init() {
    loop = .allocate(capacity: 1)
    wakeUp = .allocate(capacity: 1)
    checked(uv_loop_init(loop), "making an event loop")
    checked(uv_async_init(loop, wakeUp, loopWasWoken), "making an event loop's bell")
  }

  // MARK: From whatever thread

  var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

  func add(_ item: ExecutorItem) {
    if isCurrent {
      items.append(item)
      if !isAwake, items.count == 1 { uv_async_send(wakeUp) }
      return
    }
    inbox.withLock { inbox in
      inbox.items.append(item)
      // Rung before the lock is given back: afterwards the thread might have ended, and the bell with it.
      if inbox.items.count == 1 { uv_async_send(wakeUp) }
    }
  }

  /// Ends the thread once everything that is queued has run.
  func stop() {
    inbox.withLock { inbox in
      inbox.isStopping = true
      uv_async_send(wakeUp)
    }
  }

  func start(name: String, actors: UnownedSerialExecutor, tasks: UnownedTaskExecutor) {
    self.actors = actors
    self.tasks = tasks
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var id = pthread_t()
    let code = pthread_create(&id, &attributes, runLoop, Unmanaged.passRetained(self).toOpaque())
    pthread_attr_destroy(&attributes)
    precondition(code == 0, "the system has no thread left (error \(code))")
    cd_name_thread(UInt(id), name)
  }

  // MARK: On the thread

  fileprivate func run() {
    thread.store(UInt(pthread_self()), ordering: .relaxed)
    wakeUp.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    clock = LoopClock(core: self, loop: loop)
    drain()
    uv_run(loop, UV_RUN_DEFAULT)
    // Nothing may be left that libuv holds: whoever opened it should have closed it.
    checked(uv_loop_close(loop), "closing an event loop: something on it was not closed, which is a leak")
    wakeUp.deallocate()
    loop.deallocate()
    receivedRuns.deallocate()
    cd_receiver_destroy(receiver)
  }

  /// Runs what an event of the system sets off, and the jobs that come of it.
  func handle(_ event: () -> Void) {
    isAwake = true
    event()
    drain()
  }

  /// Runs what is ready. When it is much, sockets and timers have their turn in between.
  fileprivate func drain() {
    isAwake = true
    var left = EventLoopLimits.jobsInARow
    // First what other threads want: a job that always asks for the next would keep them waiting for ever.
    takeInbox()
    while left > 0 {
      if items.isEmpty { takeInbox() }
      if items.isEmpty { break }
      var batch = spare
      spare = []
      swap(&batch, &items)
      for item in batch { item.run(on: actors, tasks, goesOn: true) }
      left -= batch.count
      batch.removeAll(keepingCapacity: true)
      spare = batch
    }
    isAwake = false
    if !items.isEmpty { uv_async_send(wakeUp) }
    endIfStopped()
  }

  private var spare: [ExecutorItem] = []

  private func takeInbox() {
    inbox.withLock { inbox in
      guard !inbox.items.isEmpty else { return }
      if items.isEmpty {
        swap(&inbox.items, &items)
      } else {
        items += inbox.items
        inbox.items.removeAll(keepingCapacity: true)
      }
    }
  }

  private var isEnding = false

  private func endIfStopped() {
    guard items.isEmpty, !isEnding, inbox.withLock({ $0.isStopping && $0.items.isEmpty }) else { return }
    isEnding = true
    clock.close()
    uv_close(UnsafeMutableRawPointer(wakeUp).assumingMemoryBound(to: uv_handle_t.self), nil)
  }

  // MARK: What libuv holds

  /// A handle of libuv's, which `owner` looks after until ``forget(_:)``.
  func makeHandle<Handle>(_ type: Handle.Type, for owner: AnyObject) -> UnsafeMutablePointer<Handle> {
    let handle = UnsafeMutablePointer<Handle>.allocate(capacity: 1)
    handles[UnsafeMutableRawPointer(handle)] = owner
    return handle
  }

  func forget(_ handle: UnsafeMutableRawPointer) {
    handles[handle] = nil
    handle.deallocate()
  }

  var rawLoop: UnsafeMutablePointer<uv_loop_t> { loop }
}

private func runLoop(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  Unmanaged<LoopCore>.fromOpaque(pointer!).takeRetainedValue().run()
  return nil
}

private func loopWasWoken(_ handle: UnsafeMutablePointer<uv_async_t>?) {
  guard let data = handle?.pointee.data else { return }
  Unmanaged<LoopCore>.fromOpaque(data).takeUnretainedValue().drain()
}

/// For what fails only when the system is out of everything, or when we are wrong.
func checked(_ code: Int32, _ action: String) {
  precondition(code == 0, "\(action) failed: \(String(cString: uv_strerror(code)))")
}

import CLibuv
import WarrenMachine

/// Something that would block the loop, done on a thread of libuv's pool.
private final class PoolJob {
  private let core: LoopCore
  fileprivate let work: () -> Void
  private let end: () -> Void
  private var request: UnsafeMutablePointer<uv_work_t>?

  init(on core: LoopCore, _ work: @escaping () -> Void, _ end: @escaping () -> Void) {
    (self.core, self.work, self.end) = (core, work, end)
  }

  func start() {
    let request = core.makeHandle(uv_work_t.self, for: self)
    request.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    self.request = request
    checked(uv_queue_work(core.rawLoop, request, poolWorks, poolHasWorked), "using libuv's threads")
  }

  fileprivate func hasWorked() {
    core.handle {
      end()
      core.forget(UnsafeMutableRawPointer(request!))
    }
  }
}

extension LoopCore {
  /// Has `work` done on a thread of libuv's pool, and hands what comes of it to `end` on the loop's.
  func offload<Value: Sendable>(
    _ work: @escaping @Sendable () -> Value, _ end: @escaping (Value) -> Void
  ) {
    // Written by the pool's thread, and read when libuv says that it is done with it.
    nonisolated(unsafe) var outcome: Value?
    PoolJob(on: self, { outcome = work() }, { end(outcome!) }).start()
  }
}

private func poolWorks(_ request: UnsafeMutablePointer<uv_work_t>?) {
  Unmanaged<PoolJob>.fromOpaque(request!.pointee.data).takeUnretainedValue().work()
}

private func poolHasWorked(_ request: UnsafeMutablePointer<uv_work_t>?, _ code: Int32) {
  Unmanaged<PoolJob>.fromOpaque(request!.pointee.data).takeUnretainedValue().hasWorked()
}

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Notices when a simulation's thread hands a job to Swift's global pool: from then on its order would be left
/// to chance.
///
/// `Task { }`, `Task.detached` and `Task.sleep` do that; `Machine.spawn` and `Machine.sleep` do not. The runtime
/// offers three hooks for it, found by name since no header declares them to Swift. They are of the process, so
/// the detector asks which thread is calling: only a simulation's own counts.
enum EscapeDetector {
  private typealias Enqueue = @convention(c) (OpaquePointer) -> Void
  private typealias EnqueueHook = @convention(c) (OpaquePointer, Enqueue) -> Void
  private typealias DelayedEnqueue = @convention(c) (UInt64, OpaquePointer) -> Void
  private typealias DelayedEnqueueHook = @convention(c) (UInt64, OpaquePointer, DelayedEnqueue) -> Void

  /// What a simulation's thread carries: where its escapes are counted.
  final class Counter {
    var escapes: [String] = []
  }

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "the system has no thread-specific key left")
    return key
  }()

  private static let isInstalled: Bool = {
    _ = key
    let plain: EnqueueHook = { job, original in
      EscapeDetector.count("a job went to Swift's global pool")
      original(job)
    }
    let main: EnqueueHook = { job, original in
      EscapeDetector.count("a job went to the main actor")
      original(job)
    }
    let delayed: DelayedEnqueueHook = { delay, job, original in
      EscapeDetector.count("a job sleeps by the system's clock")
      original(delay, job)
    }
    return [
      install(plain, as: "swift_task_enqueueGlobal_hook"),
      install(main, as: "swift_task_enqueueMainExecutor_hook"),
      install(delayed, as: "swift_task_enqueueGlobalWithDelay_hook"),
    ].allSatisfy { $0 }
  }()

  private static func install<Hook>(_ hook: Hook, as name: String) -> Bool {
    guard let variable = dlsym(nil, name) else { return false }
    variable.assumingMemoryBound(to: Optional<Hook>.self).pointee = hook
    return true
  }

  private static func count(_ what: String) {
    guard let pointer = pthread_getspecific(key) else { return }
    Unmanaged<Counter>.fromOpaque(pointer).takeUnretainedValue().escapes.append(what)
  }

  /// Counts the escapes of the calling thread in `counter` until ``stop()``.
  static func start(_ counter: Counter) {
    precondition(isInstalled, "this Swift runtime offers no hooks: escapes cannot be noticed")
    pthread_setspecific(key, Unmanaged.passUnretained(counter).toOpaque())
  }

  static func stop() { pthread_setspecific(key, nil) }
}

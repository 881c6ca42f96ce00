#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The calling thread, as a number.
func currentThread() -> UInt {
  #if canImport(Glibc)
    UInt(pthread_self())
  #else
    UInt(bitPattern: pthread_self())
  #endif
}

/// Runs `body` on a thread of its own: a run does not hold up Swift's pool, however long it takes.
func startThread(_ body: @escaping @Sendable () -> Void) {
  final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  let box = Unmanaged.passRetained(Box(body)).toOpaque()
  #if canImport(Glibc)
    var thread = pthread_t()
    let code = pthread_create(&thread, nil, { runBox($0) }, box)
  #else
    var thread: pthread_t?
    let code = pthread_create(&thread, nil, { runBox($0) }, box)
  #endif
  precondition(code == 0, "the system has no thread left (error \(code))")
  #if canImport(Glibc)
    pthread_detach(thread)
  #else
    pthread_detach(thread!)
  #endif

  func runBox(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    Unmanaged<Box>.fromOpaque(pointer!).takeRetainedValue().body()
    return nil
  }
}

/// What runs in the real time goes before the calling thread: a world's own time does not pass while it waits.
func letRealTimePass() {
  #if canImport(Glibc)
    // On Linux the niceness is each thread's own, contrary to POSIX.
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
  #else
    pthread_set_qos_class_self_np(QOS_CLASS_BACKGROUND, 0)
  #endif
}

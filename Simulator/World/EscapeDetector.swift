import CConcurrency

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Notices when a simulation's thread hands a job to Swift's global pool: from then on its order would be left
/// to chance.
///
/// `Task { }`, `Task.detached` and `Task.sleep` do that; `Machine.spawn` and `Machine.sleep` do not. The runtime
/// offers three hooks for it. They are of the process, so the detector asks which thread is calling: only a
/// simulation's own counts.
enum EscapeDetector {
  /// What a simulation's thread carries: where its escapes are counted.
  final class Counter {
    var escapes: [String] = []
  }

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "the system has no thread-specific key left")
    return key
  }()

  private static let isInstalled: Void = {
    _ = key
    cc_watch(
      { job, original in
        EscapeDetector.count("a job went to Swift's global pool")
        original?(job)
      },
      { job, original in
        EscapeDetector.count("a job went to the main actor")
        original?(job)
      },
      { delay, job, original in
        EscapeDetector.count("a job sleeps by the system's clock")
        original?(delay, job)
      })
  }()

  private static func count(_ what: String) {
    guard let pointer = pthread_getspecific(key) else { return }
    Unmanaged<Counter>.fromOpaque(pointer).takeUnretainedValue().escapes.append(what)
  }

  /// Counts the escapes of the calling thread in `counter` until ``stop()``.
  static func start(_ counter: Counter) {
    _ = isInstalled
    pthread_setspecific(key, Unmanaged.passUnretained(counter).toOpaque())
  }

  static func stop() { pthread_setspecific(key, nil) }
}

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

/// What runs in the real time goes before the calling thread: a world's own time does not pass while it waits.
func letRealTimePass() {
  #if canImport(Glibc)
    // On Linux the niceness is each thread's own, contrary to POSIX.
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
  #else
    pthread_set_qos_class_self_np(QOS_CLASS_BACKGROUND, 0)
  #endif
}

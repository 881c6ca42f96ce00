#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Runs `body` on a thread of its own: what takes or waits for long holds up neither Swift's pool nor a loop.
package func startThread(_ body: @escaping @Sendable () -> Void) {
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

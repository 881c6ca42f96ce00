import CLibuv
import Glibc
import WarrenMachine

/// A descriptor of ours under libuv's eyes: says when it can be read or written, and closes it.
final class DescriptorWatch {
  let descriptor: Int32
  /// Called when the descriptor can be read.
  var onReadable: (() -> Void)?
  /// Called when the descriptor can be written.
  var onWritable: (() -> Void)?
  /// Called when the system has something to say that is neither: an error, a report in its queue, a hang-up.
  /// Returns whether that is over with: if not, and nobody wants to read or write, it is not watched for.
  var onError: (() -> Bool)?

  private let core: LoopCore
  private var poll: UnsafeMutablePointer<uv_poll_t>?
  private var interest: Int32 = -1

  /// Watches `descriptor` for errors to begin with, and owns it from now on.
  init(_ descriptor: Int32, on core: LoopCore) {
    self.descriptor = descriptor
    self.core = core
    let poll = core.makeHandle(uv_poll_t.self, for: self)
    checked(uv_poll_init(core.rawLoop, poll, descriptor), "watching a descriptor")
    poll.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    self.poll = poll
    watch(reading: false, writing: false)
  }

  /// Says what is worth a call. Errors always are.
  func watch(reading: Bool, writing: Bool) {
    guard let poll else { return }
    var wanted: Int32 = 0
    if reading { wanted |= Int32(UV_READABLE.rawValue) }
    if writing { wanted |= Int32(UV_WRITABLE.rawValue) }
    // With no interest at all libuv would not look, and errors would not be heard.
    if wanted == 0 { wanted = Int32(UV_PRIORITIZED.rawValue) }
    guard wanted != interest else { return }
    interest = wanted
    checked(uv_poll_start(poll, wanted, descriptorIsReady), "watching a descriptor")
  }

  /// Stops watching and closes the descriptor; `whenDone` is called when libuv has let go.
  func close(_ whenDone: @escaping () -> Void) {
    guard let poll else { return }
    self.poll = nil
    onReadable = nil
    onWritable = nil
    onError = nil
    let farewell = Farewell(core: core, whenDone: whenDone)
    poll.pointee.data = Unmanaged.passRetained(farewell).toOpaque()
    uv_close(UnsafeMutableRawPointer(poll).assumingMemoryBound(to: uv_handle_t.self)) { handle in
      let farewell = Unmanaged<Farewell>.fromOpaque(handle!.pointee.data).takeRetainedValue()
      farewell.core.forget(UnsafeMutableRawPointer(handle!))
      farewell.core.handle(farewell.whenDone)
    }
    // libuv has stopped polling it: only the memory of its handle is still in use.
    Glibc.close(descriptor)
  }

  private final class Farewell {
    let core: LoopCore
    let whenDone: () -> Void

    init(core: LoopCore, whenDone: @escaping () -> Void) {
      self.core = core
      self.whenDone = whenDone
    }
  }

  fileprivate func isReady(_ status: Int32, _ events: Int32) {
    core.handle {
      if status < 0 {
        // libuv stops at an error of the descriptor and calls it EBADF; the socket knows better.
        let before = interest
        interest = -1
        let isOver = onError?() ?? true
        let wanted = before & Int32(UV_READABLE.rawValue | UV_WRITABLE.rawValue)
        if poll != nil, interest == -1, isOver || wanted != 0 {
          watch(
            reading: wanted & Int32(UV_READABLE.rawValue) != 0,
            writing: wanted & Int32(UV_WRITABLE.rawValue) != 0)
        }
        return
      }
      if events & Int32(UV_READABLE.rawValue) != 0 { onReadable?() }
      if events & Int32(UV_WRITABLE.rawValue) != 0 { onWritable?() }
      // A lone error or hang-up comes in the shape of what an idle descriptor is watched for.
      if events & Int32(UV_READABLE.rawValue | UV_WRITABLE.rawValue) == 0 { takeLoneError() }
    }
  }
}

extension DescriptorWatch {
  /// One that stays would come again at once, and for ever.
  private func takeLoneError() {
    let before = interest
    let isOver = onError?() ?? false
    guard !isOver, let poll, interest == before else { return }
    uv_poll_stop(poll)
    interest = -1
  }
}

private func descriptorIsReady(
  _ handle: UnsafeMutablePointer<uv_poll_t>?, _ status: Int32, _ events: Int32
) {
  Unmanaged<DescriptorWatch>.fromOpaque(handle!.pointee.data).takeUnretainedValue().isReady(status, events)
}

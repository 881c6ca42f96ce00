/// Wakes whoever waits on a socket: when its handler is called, and when the socket forgets the handler.
///
/// The latter is how closing ends a wait: the waiting call looks again, and finds the socket closed.
final class SocketWaker {
  private let wait: Wait<Void>

  init(_ wait: Wait<Void>) { self.wait = wait }

  deinit { wait.succeed(()) }

  /// A handler for the socket, which keeps this object alive as long as the socket keeps it.
  var handler: () -> Void {
    { [self] in wait.succeed(()) }
  }
}

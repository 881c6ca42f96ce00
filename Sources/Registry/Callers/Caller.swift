import WarrenMachine

/// One who has called over TCP.
final class Caller<Session>: @unchecked Sendable {
  // Used on its machine's executor alone: hence `@unchecked`.
  let connection: any TCPConnection
  let subscriber: IPAddress
  /// What has been said.
  var session: Session
  /// Since when it has asked for nothing.
  var idleSince: Instant
  /// When patience ends.
  var timer: MachineTimer?

  init(_ connection: any TCPConnection, _ session: Session) {
    self.connection = connection
    self.session = session
    subscriber = connection.remoteAddress.ip.subscriber
    idleSince = connection.machine.now
  }

  func expect(somethingIn patience: Duration) {
    timer?.schedule(at: connection.machine.now.advanced(by: patience))
  }
}

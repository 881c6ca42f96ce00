import Warren

/// How those are who exchange files.
enum FileLife {
  /// After how long without an answer somebody is gone: a transfer goes on over another connection, so it need not be sure.
  static let idleTimeout: Duration = .seconds(15)
  static let keepAlive: Duration = .seconds(5)
  /// For how long something that stands still may go on, where nobody has said so.
  static let patience: Duration = .seconds(1800)
  /// How long who has received everything waits for the other side to hear of it, and to go.
  static let farewell: Duration = .seconds(5)
}

extension PeerProgram {
  /// Files can be sent over several connections, one after the other.
  mutating func expectFiles() {
    configuration.idleTimeout = FileLife.idleTimeout
    configuration.keepAlive = FileLife.keepAlive
  }
}

extension FileExchange {
  /// Closes it, also where the one who does was cancelled: what is interrupted can go on later.
  func closeWhole() async {
    let closing = machine.spawn("the end of all transfers") { await self.close() }
    _ = await closing.result
  }
}

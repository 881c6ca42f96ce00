import WarrenMachine

/// Who waits for what of a connection.
final class ConnectionState {
  var timer: MachineTimer?
  private var armed: Instant?
  /// Those who wait until both sides know each other.
  private var confirmers: [Wait<Void>] = []
  /// Those who wait until the other side has taken this one's key.
  private var takenWaits: [Wait<Void>] = []
  /// Those who wait to open a stream.
  private var openers: [Wait<Void>] = []
  private var closers: [Wait<Void>] = []
  /// Streams that nobody has asked for yet, and those who wait for one.
  var arrivals = Queue<StreamCore>()
  private var takers: [Wait<Void>] = []
  /// Whether somebody waits for this one: it is nobody else's.
  var isAwaited = false
  /// What belongs to whoever looks after its paths.
  var attachment: (any AnyObject & Sendable)?
  /// Whether its packets wait until a socket has room.
  var isWaitingToSend = false
  let incomingDatagrams: AsyncStream<[UInt8]>
  let datagrams: AsyncStream<[UInt8]>.Continuation
  let pathChanges: AsyncStream<(path: NetworkPath, isUsable: Bool)>
  let paths: AsyncStream<(path: NetworkPath, isUsable: Bool)>.Continuation

  init() {
    (incomingDatagrams, datagrams) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingNewest(QUICLimits.waitingDatagrams))
    (pathChanges, paths) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(16))
  }

  /// Sees to it that the connection is asked at its deadline, or before: most deadlines move away long before they are
  /// due, and setting a timer costs more than a turn in vain.
  func schedule(_ deadline: Instant?) {
    guard let deadline else { return }
    if let armed, armed <= deadline { return }
    armed = deadline
    timer?.schedule(at: deadline)
  }

  /// The timer has gone off.
  func disarm() { armed = nil }

  func waitForHandshake(_ wait: Wait<Void>) { confirmers.add(wait) }

  func confirm() { confirmers.takeAll().endAll(.success(())) }

  func waitUntilTaken(_ wait: Wait<Void>) { takenWaits.add(wait) }

  func take() { takenWaits.takeAll().endAll(.success(())) }

  func arrived(_ stream: StreamCore) {
    arrivals.append(stream)
    takers.takeAll().endAll(.success(()))
  }

  func waitToTake(_ wait: Wait<Void>) { takers.add(wait) }

  func waitToOpen(_ wait: Wait<Void>) { openers.add(wait) }

  func waitForEnd(_ wait: Wait<Void>) { closers.add(wait) }

  func wakeOpeners() { openers.takeAll().endAll(.success(())) }

  func end(_ error: QUICError) {
    confirmers.takeAll().endAll(.failure(error))
    takenWaits.takeAll().endAll(.failure(error))
    wakeOpeners()
    closers.takeAll().endAll(.success(()))
    takers.takeAll().endAll(.success(()))
    datagrams.finish()
    paths.finish()
  }
}

/// Who waits for what of a stream.
final class StreamState {
  private var waiting: [Wait<Void>] = []

  func wait(_ wait: Wait<Void>) { waiting.add(wait) }

  /// Something has changed: each looks whether it was what it waits for.
  func wake() { waiting.takeAll().endAll(.success(())) }
}

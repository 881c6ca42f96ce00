import WarrenMachine

/// A client that has connected, over TCP or TLS.
final class RelayCaller {
  let client: ServedClient
  /// Ends its connection.
  var hangUp: () -> Void = {}
  var reader = RelayStreamReader()
  /// What it is to be told; as much again may be on its way already.
  private(set) var outgoing: [UInt8] = []
  /// Who waits for something to write.
  private var wait: Wait<Void>?
  var lastHeard: Instant
  var isOver = false
  /// When it is looked at whether it has an allocation.
  var patience: MachineTimer?
  /// As long as it never had one: when it must, and who is told that it has.
  var trial: RelayTrial?
  /// The peer whose bytes its connection carries, once it has claimed one (RFC 6062, 5.4).
  var peer: (any TCPConnection)?
  var stream: RelayStreamNumber?

  init(_ client: ServedClient, at now: Instant) {
    self.client = client
    lastHeard = now
  }

  func append(_ message: RawSpan) { message.withUnsafeBytes { outgoing.append(contentsOf: $0) } }

  func append(channel: UInt16, _ payload: RawSpan) { outgoing.append(channel: channel, payload) }

  /// What it has said and nobody has looked at: a peer's, once it has claimed one.
  func takeRest() -> [UInt8] { reader.takeRest() }

  /// There is something to write.
  func wake() { wait?.succeed(()) }

  /// Waits for something to write, and takes it.
  func next(on machine: any Machine) async throws -> [UInt8] {
    while outgoing.isEmpty {
      try await machine.suspend({ "words for a relay's client" }) { (wait: Wait<Void>) in
        guard outgoing.isEmpty else { return wait.succeed(()) }
        wait.onEnd = { [weak self] in self?.wait = nil }
        self.wait = wait
      }
    }
    defer { outgoing = [] }
    return outgoing
  }
}

/// How a client's connection is read and written, over TLS or not.
struct RelayCallerWords: Sendable {
  /// The next bytes, so many at most; nil when there will be none.
  var hear: @Sendable (Int) async throws -> [UInt8]?
  var say: @Sendable ([UInt8]) async throws -> Void
  /// Says that nothing more will be said.
  var finish: @Sendable () async throws -> Void
}

/// For how long somebody may be connected without having proved anything.
public struct RelayTrial {
  /// Until when, whatever they say.
  public var deadline: Instant
  /// Called once they have: with their first allocation.
  public var passed: () -> Void

  /// A trial.
  public init(until deadline: Instant, passed: @escaping () -> Void) {
    (self.deadline, self.passed) = (deadline, passed)
  }
}

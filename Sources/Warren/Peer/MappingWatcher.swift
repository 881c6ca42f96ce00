import WarrenMachine
import WarrenRegistry
import WarrenSTUN
import WarrenTraversal

/// Watches how the registry sees a peer's sockets: for those whose family it is not talked to over, that is the only way to know, and
/// to keep their mappings open. Used on the machine's executor alone.
final class MappingWatcher: @unchecked Sendable {
  private let machine: any Machine
  private let sockets: [any UDPSocket]
  private let changed: () -> Void
  private var watches: [(channel: Int, watch: MappingWatch)] = []
  private var servers: [SocketAddress] = []
  private var timer: MachineTimer?
  /// Whether nobody has used their ports before, as far as is known.
  private var areNew: Bool
  private var writer = STUNMessageWriter()
  private var outbox = DatagramOutbox(byteCapacity: 2048, runCapacity: 8)

  /// - Parameters:
  ///   - areNew: whether the sockets are, and their ports: those that the system has chosen.
  ///   - changed: called when something is known that was not.
  init(
    of sockets: [any UDPSocket], areNew: Bool = true, on machine: any Machine,
    _ changed: @escaping () -> Void
  ) {
    self.areNew = areNew
    self.sockets = sockets
    self.machine = machine
    self.changed = changed
    timer = machine.makeTimer { [weak self] in self?.handleDeadline() }
  }

  /// What the registry has seen, with its proofs.
  var attested: [AttestedAddress] {
    watches.compactMap { entry in
      guard let mapped = entry.watch.mapped, let proof = entry.watch.attestation else { return nil }
      return AttestedAddress(mapped, proof: proof)
    }
  }

  /// Where the world sees the sockets.
  var mapped: [SocketAddress] { watches.compactMap(\.watch.mapped) }

  /// Those of the registry's addresses at which it answers.
  var answering: [SocketAddress] { watches.filter { $0.watch.mapped != nil }.map(\.watch.server) }

  /// Since when the mapping of a socket has lived, and for how long it may: nil where nothing says that it will not go on.
  func life(of channel: UInt16) -> (since: Instant, life: Duration)? {
    guard let watch = watches.first(where: { $0.channel == channel })?.watch, let since = watch.mappedSince,
      let life = watch.life
    else { return nil }
    return (since, life)
  }

  /// For how long mappings of a family live at most.
  func life(of family: IPAddress.Family) -> Duration? {
    watches.first { $0.watch.server.ip.family == family }?.watch.life
  }

  /// Asks these servers.
  ///
  /// - Parameter isNew: whether what is known is to be forgotten, as after a change of networks.
  func watch(_ servers: [SocketAddress], isNew: Bool = false) {
    guard isNew || servers != self.servers else { return }
    self.servers = servers
    var random = machine.random
    watches = []
    for (channel, socket) in sockets.enumerated() {
      let family = socket.localAddress.ip.family
      guard let server = servers.first(where: { $0.ip.family == family }) else { continue }
      watches.append((channel, MappingWatch(of: server, isNew: areNew, using: &random, at: machine.now)))
    }
    if !watches.isEmpty { areNew = false }
    ask()
  }

  /// - Returns: whether it was an answer to this.
  func take(_ bytes: [UInt8], from source: SocketAddress, on channel: Int) -> Bool {
    for place in watches.indices where watches[place].channel == channel {
      guard watches[place].watch.receive(bytes.span.bytes, from: source, at: machine.now) else { continue }
      schedule()
      changed()
      return true
    }
    return false
  }

  func stop() {
    timer?.cancel()
    timer = nil
    watches = []
  }

  /// Nothing comes through them any more, perhaps since the mappings are others.
  func hurry() {
    for place in watches.indices { watches[place].watch.hurry(at: machine.now) }
    handleDeadline()
  }

  private func handleDeadline() {
    var random = machine.random
    for place in watches.indices { watches[place].watch.handleDeadline(at: machine.now, using: &random) }
    ask()
  }

  private func ask() {
    for place in watches.indices {
      guard watches[place].watch.pollQuestion(into: &writer) else { continue }
      outbox.append(writer.bytes, to: watches[place].watch.server)
      sockets[watches[place].channel].sendOrDrop(&outbox)
    }
    schedule()
  }

  private func schedule() {
    if let next = watches.compactMap(\.watch.nextDeadline).min() { timer?.schedule(at: next) }
  }
}

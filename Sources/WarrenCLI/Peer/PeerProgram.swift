import Warren
import WarrenOptions
import WarrenScenarios
import WarrenTerminal

/// A command that is a peer: what it was told of the one it is to be, and where it talks.
struct PeerProgram: Sendable {
  let terminal: Terminal
  let log: Log
  var configuration: Peer.Configuration
  /// Whether the peer's key stays the same; otherwise it has a new one each time, unless one is named.
  var keepsKey = true
  /// Hears of all that happens to the peer, and says of what it tells the person itself.
  var takes: @Sendable (PeerEvent) -> Bool = { _ in false }
  private let keyFile: String?
  private let stunServers: [HostPlace]

  init(_ words: ParsedWords, on terminal: Terminal = Terminal()) throws {
    self.terminal = terminal
    log = LogWords.log(on: terminal, words)
    keyFile = words[PeerWords.key]
    configuration = Peer.Configuration()
    configuration.registry = try words[PeerWords.registry] ?? Self.usualRegistry()
    configuration.port = words[PeerWords.port]
    configuration.usesLoopback = words[PeerWords.loopback]
    configuration.paths = words[PeerWords.paths]
    configuration.search = words[PeerWords.search].profile
    stunServers = words[PeerWords.stun]
    configuration.relays = Self.relays(words)
    configuration.patience = words[PeerWords.patience]
  }

  /// Has others find it by this name, if it is given one.
  mutating func answer(to name: String?) throws {
    configuration.name = name
    if name != nil { try needRegistry() }
  }

  func needRegistry() throws {
    guard configuration.registry != nil else { throw OptionsError.noRegistry }
  }

  /// Somebody who has only been named is found by a registry alone.
  func needRegistry(for whom: Whom) throws { if case .name = whom { try needRegistry() } }

  static func relays(_ words: ParsedWords) -> [RelayServerAddress] {
    words[PeerWords.relay].map { relay in
      var relay = relay
      relay.username = words[PeerWords.relayUser] ?? relay.username
      relay.password = words[PeerWords.relayPassword] ?? relay.password
      return relay
    }
  }

  static func usualRegistry() throws -> RegistryAddress? {
    guard let text = environmentVariable("WARREN_REGISTRY"), !text.isEmpty else { return nil }
    do { return try RegistryAddress(text) } catch {
      throw OptionsError(.badValue, "WARREN_REGISTRY: \(error)")
    }
  }

  /// Calls `body` with the peer, and closes it whatever becomes of that. Whoever asks the program to end cancels it.
  func run<Value: Sendable>(_ body: @escaping @Sendable (Peer) async throws -> Value) async throws -> Value {
    try await untilInterrupted { try await runUninterrupted(body) }
  }

  /// The same for a command that hears itself of requests to end.
  func runUninterrupted<Value: Sendable>(_ body: @Sendable (Peer) async throws -> Value) async throws -> Value
  {
    try await LocalMachine.with("warren") { machine in
      let peer = try await start(on: machine)
      // Off the loop: a terminal that stands still makes nobody else wait.
      let result = await Result.of {
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { for await event in peer.events where !takes(event) { tell(event) } }
          defer { group.cancelAll() }
          return try await body(peer)
        }
      }
      await peer.close()
      return try result.get()
    }
  }

  /// How the peer is to be, with all names looked up.
  func configuration(on machine: any Machine) async throws -> Peer.Configuration {
    var configuration = configuration
    for place in stunServers {
      configuration.stunServers += try await place.addresses(on: machine, port: RegistryAddress.port)
    }
    return configuration
  }

  private func start(on machine: any Machine) async throws -> Peer {
    var configuration = try await configuration(on: machine)
    if let keyFile {
      configuration.key = try PrivateKey(fileOrNew: keyFile, on: machine)
    } else if keepsKey {
      configuration.key = try PersonalKey.take(for: machine).key
    }
    let peer = try Peer(configuration, on: machine)
    try await peer.start()
    log.info("this peer has begun", ["key": .text("\(peer.id)")])
    return peer
  }

  /// What happens to the peer, for those who want to know.
  private func tell(_ event: PeerEvent) {
    switch event {
    case .registered: log.info("registered")
    case .registryFound(let observed): log.info("the registry is there", ["sees_us_at": .text("\(observed)")])
    case .registryLost(let reason, let pause):
      log.warning(
        "the registry cannot be reached", ["because": .text(reason), "again_in": .text("\(pause)")])
    case .registryRefused(let error): log.error("the registry refuses: \(error)")
    case .registryTrusted(let key):
      log.warning(
        "the registry was named without its key: whoever answers is believed", ["key": .text("\(key)")])
    case .candidatesChanged(let addresses):
      log.debug("addresses changed", ["now": .list(addresses.map { .text("\($0)") })])
    case .requested(let peer, let name):
      log.info("somebody wants to connect", ["key": .text("\(peer)"), "name": .text(name?.text ?? "")])
    case .connecting(let whom, let trial):
      log.debug("connecting", ["to": .text(whom), "over": .text("\(trial)")])
    case .connected(let peer, let network, let kind, let time):
      log.info(
        "connected",
        [
          "key": .text("\(peer)"), "at": .text("\(network.remote)"), "path": .text(kind.rawValue),
          "after_ms": .number(Int(time / .milliseconds(1))),
        ])
    case .pathChanged(let peer, let path):
      log.info("another path", ["key": .text("\(peer)"), "path": .text("\(path)")])
    case .disconnected(let peer, let error):
      log.info("disconnected", ["key": .text("\(peer)"), "because": .text("\(error)")])
    }
  }
}

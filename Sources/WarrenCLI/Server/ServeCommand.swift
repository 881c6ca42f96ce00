import Warren
import WarrenOptions
import WarrenTerminal

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A registry with STUN and a relay, and whatever else is asked for, in one process.
struct ServeCommand: Command {
  private static let address = Option<[IPAddress]>.repeated(
    "address", .ip, "an address of this computer to serve at: all of them otherwise")
  private static let port = Option(
    "port", short: "p", .ownPort, "the port of UDP and of TCP for QUIC, TLS, STUN and TURN",
    default: RegistryAddress.port)
  private static let key = Option<String?>(
    "key", short: "k", .file,
    "where the registry's key is kept, a new one where there is none: your own otherwise")
  private static let http = Option<UInt16?>(
    "http", .ownPort, "answer over HTTP there: lists, look-ups, metrics")
  private static let pairing = Option<UInt16?>(
    "pairing", .ownPort, "answer there those who pair by a key in JSON over TCP")
  private static let relay = Option.flag("relay", "relay for those who find no direct way", default: true)
  private static let announce = Option<[IPAddress]>.repeated(
    "announce", .ip, "by which address others reach this computer's relay, where a NAT stands before it")
  private static let relayTo = Option<[IPPrefix]>.repeated(
    "relay-to", .prefix,
    "relay to these addresses too, although they are not the internet's: a network of one's own")
  private static let realm = Option(
    "realm", .text.named("REALM"), "in whose name relay passwords are asked for", default: "warren")
  private static let users = Option<String?>(
    "users", .file, "others who may use the relay: NAME:PASSWORD or NAME:0xKEY a line")
  private static let sessions = Option("sessions", .number(1...1_000_000), "peers at once", default: 10_000)
  private static let allocations = Option(
    "allocations", .number(0...1_000_000), "relayed addresses at once", default: 10_000)
  private static let bandwidth = Option<Int?>(
    "bandwidth", .number(1_000...Int.max, example: 50_000_000), "bytes a second that the relay carries in all"
  )
  private static let loopback = Option.flag("loopback", "serve peers within this computer, as for trying it")

  static var description: CommandDescription {
    CommandDescription(
      "serve", "be the registry that brings others together, and relays",
      discussion: """
        It prints the one line by which others reach it. Its key is what they know it by: keep the file. SIGTERM and Ctrl-C stop it. \
        SIGHUP has it read the file with options once more, and that of --users: what they say of --users, --sessions, --allocations \
        and --bandwidth counts from then on. Its log names what else has changed, which takes a restart.
        """,
      group: .meeting,
      options: [
        port, address, key, http, pairing, relay, announce, relayTo, users, realm, sessions, allocations,
        bandwidth, loopback,
      ] + LogWords.all,
      examples: [
        Example("warren serve --loopback --port 0", "try it on this computer"),
        Example("warren serve --http 8080 --pairing 9000", "serve those as well who know HTTP or JSON alone"),
        Example(
          "warren --config /etc/warren.conf serve",
          "serve as a file says: an option a line, without its dashes"),
      ])
  }

  /// What takes a restart where the file with options has changed.
  private static let fixed: [any DeclaredOption] =
    [port, address, key, http, pairing, relay, announce, relayTo, realm, loopback] + LogWords.all

  private let words: ParsedWords
  private let terminal = Terminal()
  private let log: Log

  init(_ words: ParsedWords) {
    self.words = words
    log = LogWords.log(on: terminal, words)
  }

  func run() async throws {
    let signals = CaughtSignals(SIGINT, SIGTERM, SIGHUP)
    let machine = LocalMachine(name: "registry")
    let key = try PrivateKey(
      fileOrNew: words[Self.key] ?? PersonalKey.folder() + "/registry.pem", on: machine)
    var configuration = Registry.Configuration()
    configuration.permitsLoopback = words[Self.loopback]
    configuration.ownAddresses = words[Self.announce]
    let registry = Registry(on: machine, configuration)
    let server = RegistryServer(registry, on: machine, key: key, try serverConfiguration(on: machine))
    var address = try await server.start(at: try addresses(of: machine))
    address.host = "\(try host(of: machine))"
    let pairing = try await startPairing(on: machine)
    let http = try await startHTTP(registry, server, pairing)
    // Only who has everything says where it is.
    terminal.result("\(address, .strong)")
    log.notice("serving; others reach it by the line above")
    for await number in signals {
      if number == SIGHUP { await reload(server) } else { break }
    }
    CaughtSignals.leave(SIGINT, SIGTERM)
    log.notice("stopping")
    await http?.stop()
    await pairing?.stop()
    await server.stop()
    await machine.close()
  }

  // MARK: What it was told

  private func serverConfiguration(on machine: any Machine) throws -> RegistryServer.Configuration {
    var configuration = RegistryServer.Configuration()
    configuration.sessions = words[Self.sessions]
    guard words[Self.relay] else { return configuration }
    var relay = RelayConfiguration(try credentials())
    relay.addresses = try relayAddresses(on: machine)
    relay.realm = words[Self.realm]
    relay.allocations = words[Self.allocations]
    relay.totalBandwidth = words[Self.bandwidth]
    relay.permits = words[Self.relayTo]
    if words[Self.loopback] {
      relay.permits += [IPPrefix(.loopback(.v4), length: 8), IPPrefix(.loopback(.v6), length: 128)]
    }
    configuration.relay = relay
    return configuration
  }

  /// Where relayed addresses are, where others know this computer by other addresses than its own.
  private func relayAddresses(on machine: any Machine) throws -> [RelayAddress] {
    let own =
      try words[Self.address] + machine.interfaces().filter { !$0.isLoopback }.flatMap(\.addresses).map(\.ip)
    return try words[Self.announce].map { announced in
      guard
        let local = own.first(where: { $0.family == announced.family && !$0.isLinkLocal && !$0.isUnspecified }
        )
      else {
        throw OptionsError(.badValue, "--announce \(announced): this computer has no address of its family")
      }
      return RelayAddress(local, announced: announced)
    }
  }

  private func credentials() throws -> RelayCredentials {
    guard let path = words[Self.users] else { return RelayCredentials() }
    let text = try lines(ofFile: path).joined(separator: "\n")
    do { return try RelayCredentials(file: Array(text.utf8)) } catch {
      throw WrongUsers(path: path, reason: error)
    }
  }
}

extension ServeCommand {
  // MARK: What it does

  private func addresses(of machine: any Machine) throws -> [SocketAddress] {
    let named = words[Self.address]
    let ips = try named.isEmpty ? machine.wildcards() : named
    return ips.map { SocketAddress($0, port: words[Self.port]) }
  }

  /// By which address others reach it most likely.
  private func host(of machine: any Machine) throws -> IPAddress {
    if let announced = words[Self.announce].first ?? words[Self.address].first { return announced }
    if words[Self.loopback] { return .loopback(.v4) }
    let ips = try machine.interfaces().filter { !$0.isLoopback }.flatMap(\.addresses).map(\.ip)
    let usable = ips.filter { !$0.isLinkLocal }
    return usable.first { $0.family == .v4 } ?? usable.first ?? .loopback(.v4)
  }

  private func startHTTP(
    _ registry: Registry, _ server: RegistryServer, _ pairing: PairingServer?
  ) async throws -> RegistryHTTPServer? {
    guard let port = words[Self.http] else { return nil }
    var configuration = RegistryHTTPServer.Configuration()
    configuration.metrics = { await server.metrics + (pairing?.metrics ?? []) }
    let http = RegistryHTTPServer(of: registry, configuration)
    try await start("answering over HTTP", at: port, on: registry.machine) { try await http.start(at: $0) }
    return http
  }

  private func startPairing(on machine: any Machine) async throws -> PairingServer? {
    guard let port = words[Self.pairing] else { return nil }
    let pairing = PairingServer(on: machine)
    try await start("pairing by JSON", at: port, on: machine) { try await pairing.start(at: $0) }
    return pairing
  }

  /// Starts something at the same port of all addresses: the one that the system chooses for the first, where that is wished.
  private func start(
    _ what: String, at port: UInt16, on machine: any Machine,
    _ start: (SocketAddress) async throws -> SocketAddress
  ) async throws {
    var port = port
    for address in try addresses(of: machine) {
      port = try await start(SocketAddress(address.ip, port: port)).port
    }
    log.notice(what, ["port": .number(Int(port))])
  }

  /// Does as the files say now, as far as that is possible while it serves. A mistake in either leaves all as it is.
  private func reload(_ server: RegistryServer) async {
    do {
      guard case .run(let new as ServeCommand) = try WarrenCommand.request() else { return }
      let users = try new.credentials()
      for option in Self.fixed where option.text(in: new.words) != option.text(in: words) {
        log.warning("\(option.declaration.name) is changed in the file: it takes a restart")
      }
      await server.useForRelay(users)
      let (allocations, bandwidth) = (new.words[Self.allocations], new.words[Self.bandwidth])
      await server.limitRelay(allocations: allocations, totalBandwidth: bandwidth)
      await server.limit(sessions: new.words[Self.sessions])
      log.notice(
        "the settings and the relay's users were read again",
        [
          "sessions": .number(new.words[Self.sessions]), "allocations": .number(allocations),
          "bandwidth": bandwidth.map { .number($0) } ?? .nothing,
        ])
    } catch {
      log.error("the settings and the relay's users stay as they were: \(error)")
    }
  }
}

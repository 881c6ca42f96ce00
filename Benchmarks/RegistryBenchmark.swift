import Glibc
import Warren

/// A registry on one core: its library alone, and the native protocol over QUIC on loopback, beside Redis.
enum RegistryBenchmark {
  private static let owners = 100_000
  private static let rounds = 3
  private static let secondsOfRound = 0.8

  /// A second's worth by the clock, and by the processor's time of whoever serves.
  private typealias Rate = Redis.Rate

  // MARK: The library

  /// Calls a registry from its own executor, as what serves peers does.
  actor Caller {
    nonisolated let machine: any Machine
    nonisolated var unownedExecutor: UnownedSerialExecutor { machine.unownedExecutor }
    private let registry: Registry

    init(_ registry: Registry) {
      machine = registry.machine
      self.registry = registry
    }

    func register(_ all: [Registration]) async throws { for one in all { try await registry.register(one) } }
    func renew(_ all: [Registration]) async throws { for one in all { try await registry.renew(one.owner) } }
    func find(_ all: [Registration]) async throws {
      for one in all { guard await registry.find(one.owner) != nil else { fatalError("one is missing") } }
    }
    func findByName(_ all: [Registration]) async throws {
      for one in all { guard await registry.find(one.name!) != nil else { fatalError("one is missing") } }
    }
  }

  /// As many as are wanted, each with a name and two addresses.
  static func registrations(_ count: Int, from first: Int = 0) throws -> [Registration] {
    var random = SystemRandomNumberGenerator()
    return try (first..<first + count).map { number in
      let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
      let ip = IPAddress(v4: 0x0A00_0000 + UInt32(number))
      return Registration(
        of: .key(PeerID(bytes: bytes.span.bytes)!), named: try RegistryName("peer number \(number)"),
        consent: .everyone, at: [SocketAddress(ip, port: 4433), SocketAddress(ip, port: 4434)])
    }
  }

  static func registry(on machine: any Machine) -> Registry {
    var configuration = Registry.Configuration()
    configuration.permitsLoopback = true
    configuration.terms.lifetime = .seconds(600)
    return Registry(on: machine, configuration)
  }

  private static func library(_ all: [Registration]) async throws -> [(String, Rate)] {
    var found: [String: [Rate]] = [:]
    for _ in 0..<rounds {
      let machine = LocalMachine(name: "library")
      let caller = Caller(registry(on: machine))
      func measure(_ name: String, _ body: @escaping @Sendable () async throws -> Void) async throws {
        let rate = try await machine.run {
          let (start, used) = (now(), threadSeconds())
          try await body()
          return Rate(
            perSecond: Double(all.count) / (now() - start),
            perCPU: Double(all.count) / (threadSeconds() - used))
        }
        found[name, default: []].append(rate)
      }
      try await measure("registrations") { try await caller.register(all) }
      try await measure("renewals") { try await caller.renew(all) }
      try await measure("look-ups by key") { try await caller.find(all) }
      try await measure("look-ups by name") { try await caller.findByName(all) }
      await machine.close()
    }
    return ["registrations", "renewals", "look-ups by key", "look-ups by name"].map {
      ($0, median(found[$0]!))
    }
  }

  // MARK: The native protocol

  /// A server with a loop of its own, and peers on another.
  private struct Setting {
    let machine = LocalMachine(name: "registry")
    let clients = LocalMachine(name: "peers")
    let server: RegistryServer
    let address: RegistryAddress
    let known: [PeerID]

    init(_ all: [Registration]) async throws {
      let registry = RegistryBenchmark.registry(on: machine)
      server = try RegistryBenchmark.server(of: registry)
      address = try await server.start(at: .loopback(.v4))
      try await Caller(registry).register(all)
      known = all.map { registration in
        guard case .key(let peer) = registration.owner else { fatalError("everybody here has a key") }
        return peer
      }
    }

    func peers(_ count: Int) async throws -> [RegistryPeer] {
      let (clients, address) = (clients, address)
      return try await RegistryPeer.many(count, on: clients) {
        try await RegistryPeer.overQUIC(to: address, on: clients)
      }
    }

    /// Has all of these do something again and again.
    ///
    /// - Parameter turn: something, and how often it was done.
    func measure(
      _ peers: [RegistryPeer], _ turn: @escaping @Sendable (RegistryPeer, Int) async throws -> Int
    ) async throws -> Rate {
      let used = try await machine.run { threadSeconds() }
      let start = now()
      let count = try await clients.run {
        try await withThrowingTaskGroup(of: Int.self) { group in
          for (number, peer) in peers.enumerated() {
            group.addTask {
              var (count, round) = (0, number)
              while now() - start < secondsOfRound {
                count += try await turn(peer, round)
                round += 1
              }
              return count
            }
          }
          return try await group.reduce(0, +)
        }
      }
      let elapsed = now() - start
      return Rate(
        perSecond: Double(count) / elapsed,
        perCPU: Double(count) / (try await machine.run { threadSeconds() } - used))
    }

    func close() async {
      await server.stop()
      await clients.close()
      await machine.close()
    }
  }

  /// A server that takes as much as comes.
  static func server(of registry: Registry) throws -> RegistryServer {
    var configuration = RegistryServer.Configuration()
    configuration.sessionsPerAddress = configuration.sessions
    configuration.messages = RequestRate(perSecond: 1e9, atOnce: 1e9)
    configuration.introductions = RequestRate(perSecond: 1e9, atOnce: 1e9)
    var random = registry.machine.random
    return RegistryServer(registry, on: registry.machine, key: PrivateKey(using: &random), configuration)
  }

  /// What a number of peers is measured with, each with so many questions under way.
  private final class Native: Sendable {
    let setting: Setting
    let peers: [RegistryPeer]
    let depth: Int
    let renewals: [UInt8]
    let lookUps: [[UInt8]]

    init(_ setting: Setting, _ count: Int, depth: Int) async throws {
      self.setting = setting
      self.depth = depth
      peers = try await setting.peers(count)
      renewals = repeated(depth) { RegistryPeer.message(.renew) }
      var random = SystemRandomNumberGenerator()
      lookUps = (0..<1024).map { _ in
        repeated(depth) { RegistryPeer.lookUp(setting.known.randomElement(using: &random)!) }
      }
    }

    func registrationRate() async throws -> Rate {
      let depth = depth
      return try await setting.measure(peers) { peer, _ in
        try await peer.ask(repeated(depth) { peer.registration }, .done, depth)
        return depth
      }
    }

    func renewalRate() async throws -> Rate {
      let (depth, renewals) = (depth, renewals)
      return try await setting.measure(peers) { peer, _ in
        try await peer.ask(renewals, .done, depth)
        return depth
      }
    }

    func lookUpRate() async throws -> Rate {
      let (depth, lookUps) = (depth, lookUps)
      return try await setting.measure(peers) { peer, round in
        try await peer.ask(lookUps[round % lookUps.count], .found, depth)
        return depth
      }
    }

    /// One half calls the other. Both are told, and what was agreed on is ended, which costs two messages more.
    func introductionRate(packet: Int) async throws -> Rate {
      let (depth, half) = (depth, peers.count / 2)
      let callees = peers.suffix(half).map { $0 }
      let listening = callees.map { callee in setting.clients.spawn("a callee") { await callee.listen() } }
      let questions = callees.map { callee in
        repeated(depth) { RegistryPeer.introduction(to: callee.key.peerID, packet: packet) }
      }
      func told() -> Int {
        callees.map { $0.counts[Int(RegistryPeer.Kind.introduced.rawValue)] }.reduce(0, +)
      }
      let before = told()
      let counted = Counted()
      let rate = try await setting.measure(Array(peers.prefix(half))) { peer, round in
        try await peer.ask(questions[round % half], .accepted, depth)
        try await peer.endIntroductions()
        counted.count += depth
        return depth
      }
      // Until the last are told.
      try await setting.clients.sleep(for: .milliseconds(50))
      for task in listening {
        task.cancel()
        _ = try? await task.value
      }
      precondition(told() - before == counted.count, "both sides of an introduction are told")
      return rate
    }

    func close() async { for peer in peers { await peer.close() } }
  }

  /// Used on the peers' executor alone: hence `@unchecked`.
  private final class Counted: @unchecked Sendable {
    var count = 0
  }

  private static func repeated(_ count: Int, _ make: () -> [UInt8]) -> [UInt8] {
    (0..<count).reduce(into: []) { bytes, _ in bytes += make() }
  }

  // MARK: All of it

  /// The rates of what is measured, each in turn so that what else this machine does is spread over all of them.
  private final class Rounds {
    private var found: [String: [Rate]] = [:]

    func add(_ name: String, _ rate: Rate?) { if let rate { found[name, default: []].append(rate) } }

    subscript(name: String) -> Rate? { found[name].map(median) }
  }

  private static func median(_ rates: [Rate]) -> Rate {
    Rate(
      perSecond: rates.map(\.perSecond).sorted()[rates.count / 2],
      perCPU: rates.map(\.perCPU).sorted()[rates.count / 2])
  }

  /// One kind of question alone, for whoever looks where its time goes:
  /// `perf record .build/release/Benchmarks registry renewals`, and of that the thread `registry`.
  private static func runOne(_ what: String, _ all: [Registration]) async throws {
    let setting = try await Setting(all)
    let isSingle = CommandLine.arguments.contains("single")
    let native = try await Native(setting, isSingle ? 200 : 50, depth: isSingle ? 1 : 16)
    for _ in 0..<8 {
      let rate =
        switch what {
        case "registrations": try await native.registrationRate()
        case "renewals": try await native.renewalRate()
        case "look-ups": try await native.lookUpRate()
        default: try await native.introductionRate(packet: what == "packets" ? 1200 : 0)
        }
      print("  \(what): \(thousands(rate.perSecond)) a second, \(thousands(rate.perCPU)) a CPU-second")
    }
    await native.close()
    await setting.close()
  }

  static func run() async throws {
    let all = try registrations(owners)
    if CommandLine.arguments.count > 2 { return try await runOne(CommandLine.arguments[2], all) }
    let library = try await library(all)
    let setting = try await Setting(all)
    let many = try await Native(setting, 50, depth: 16)
    let single = try await Native(setting, 200, depth: 1)
    let redis = try await Redis(on: setting.clients)
    let rounds = Rounds()
    for _ in 0..<Self.rounds {
      for (name, native, depth) in [("pipelined", many, 16), ("single", single, 1)] {
        if let redis {
          let (clients, count) = depth > 1 ? (50, 250_000) : (200, 50_000)
          rounds.add(
            "set \(name)",
            redis.rate(of: "SET key:__rand_int__ value EX 30", clients: clients, depth: depth, count: count))
          rounds.add(
            "get \(name)",
            redis.rate(of: "GET key:__rand_int__", clients: clients, depth: depth, count: count))
        }
        rounds.add("renewals \(name)", try await native.renewalRate())
        rounds.add("registrations \(name)", try await native.registrationRate())
        rounds.add("look-ups \(name)", try await native.lookUpRate())
        rounds.add("introductions \(name)", try await native.introductionRate(packet: 0))
        rounds.add("introductions with a packet \(name)", try await native.introductionRate(packet: 1200))
      }
    }
    redis?.end()
    await many.close()
    await single.close()
    await setting.close()
    show(library, rounds)
  }

  private static func show(_ library: [(String, Rate)], _ rounds: Rounds) {
    print(
      "registry on one core, \(owners) owners, on loopback; in brackets how much of Redis' in the same run")
    func line(_ name: String, _ rate: Rate?, _ base: Rate?, _ aim: String = "") {
      guard let rate else { return }
      func share(_ value: Double, _ base: Double?) -> String { base.map { " (\(ratio(value, $0)))" } ?? "" }
      print(
        "  " + padded(name, 34)
          + padded(thousands(rate.perSecond) + " a second" + share(rate.perSecond, base?.perSecond), 30)
          + thousands(rate.perCPU) + " a CPU-second" + share(rate.perCPU, base?.perCPU) + aim)
    }
    let (set, get) = (rounds["set pipelined"], rounds["get pipelined"])
    print(" the library alone, beside pipelined SET and GET")
    for (name, rate) in library { line(name, rate, name.hasPrefix("look") ? get : set) }
    for (name, title) in [
      ("pipelined", "over QUIC, 50 peers with 16 questions under way"),
      ("single", "over QUIC, 200 peers with one question under way"),
    ] {
      print(" \(title)")
      let (set, get) = (rounds["set \(name)"], rounds["get \(name)"])
      let aim = name == "pipelined" && set != nil ? "   (aim: 0.50)" : ""
      line("registrations", rounds["registrations \(name)"], set)
      line("renewals", rounds["renewals \(name)"], set, aim)
      line("look-ups", rounds["look-ups \(name)"], get)
      for what in ["introductions", "introductions with a packet"] {
        let rate = rounds["\(what) \(name)"]
        line(what, rate, nil, "   (\(ratio(rate?.perCPU ?? 0, 20_000)) of the aim, 20 thousand)")
      }
      line("Redis: SET with expiry", set, nil)
      line("Redis: GET", get, nil)
    }
    if set == nil { print("  Redis is not installed: `make interop` does that") }
    print("")
  }

  private static func thousands(_ value: Double) -> String { "\((value / 100).rounded() / 10) thousand" }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

import Warren
import WarrenMachine
import WarrenOptions
import WarrenSimulator
import WarrenTerminal

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Shows two peers meet: behind NATs in a simulated internet, and over loopback. The same code plays both.
struct Demo: Command {
  private static let seed = Option<UInt64>("seed", .number, "which simulated internet it is", default: 7)

  static var description: CommandDescription {
    CommandDescription(
      "demo", "show two peers behind NATs meet, and the same over loopback", group: .first, options: [seed],
      examples: [Example("warren demo --seed 8", "show it with other chance")])
  }

  private let seed: UInt64
  private let terminal = Terminal()

  init(_ words: ParsedWords) { seed = words[Self.seed] }

  func run() async throws {
    say("1  A simulated internet (seed \(seed)): real TLS, QUIC and hole punching, simulated NATs")
    say("")
    say("   alice ── a NAT that hides its ports ──┐              ┌── a usual home NAT ── bob")
    say("                                         ├── internet ──┤")
    say("                                         └── registry ──┘   (it relays as well)")
    say("")
    let local = LocalMachine(name: "demo")
    let start = local.now
    let trace = try await simulate { say("   " + $0) }
    let elapsed = start.duration(to: local.now)
    say("")
    say(
      "   That took \(DemoStage.text(elapsed)) of real time, in \(trace.count) events. Once more, with the same seed:"
    )
    let again = try await simulate { _ in }
    say(
      "   the trace is \(again.hash == trace.hash ? "the same, to the last packet" : "ANOTHER: this is a bug")."
    )
    say("   To watch two NATs being punched, packet by packet: warren trial random port-restricted")
    say("")
    say("2  This computer, over loopback: real sockets, a real file")
    say("")
    try await overLoopback(local)
    await local.close()
  }

  private func say(_ text: String) { terminal.result(StyledText(text)) }

  private func simulate(_ tell: @escaping @Sendable (String) -> Void) async throws -> Trace {
    let world = World(seed: seed) {
      Machine("alice").behind(.symmetric).linked(up: .access, down: .access)
      Machine("bob").behind(.portRestrictedCone).linked(up: .access, down: .access)
      Server("registry").linked(.access)
      Server("stun").linked(.access)
    }
    let told = Guarded<[String]>([])
    try await world.run { world in
      let (alice, bob) = (world.machine("alice"), world.machine("bob"))
      alice.disk.put(DemoStage.picture(megabytes: 4), at: "/home/alice/holiday.jpg")
      bob.disk.makeFolder(at: "/home/bob")
      let stun = world.machine("stun")
      var stunServers: [SocketAddress] = []
      for port in [3478, 3479] as [UInt16] {
        let address = SocketAddress(stun.address(.v4), port: port)
        try await STUNServer(on: stun).start(at: address)
        stunServers.append(address)
      }
      let stage = DemoStage(
        registry: world.machine("registry"), alice: alice, bob: bob, stunServers: stunServers,
        file: "/home/alice/holiday.jpg", folder: "/home/bob"
      ) { line in told.withLock { $0.append(line) } }
      try await stage.play()
    }
    for line in told.withLock({ $0 }) { tell(line) }
    return world.trace
  }

  private func overLoopback(_ machine: LocalMachine) async throws {
    var name = Array("/tmp/warren-demo-XXXXXX".utf8CString)
    let made = name.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!).map { String(cString: $0) } }
    guard let folder = made else {
      throw UnreadableFile(path: "/tmp", reason: String(cString: strerror(errno)))
    }
    defer {
      for path in ["alice/holiday.jpg", "bob/holiday.jpg", "alice", "bob", ""] { remove("\(folder)/\(path)") }
    }
    for path in ["alice", "bob"] { mkdir("\(folder)/\(path)", 0o700) }
    guard let file = fopen("\(folder)/alice/holiday.jpg", "w") else {
      throw UnreadableFile(path: folder, reason: String(cString: strerror(errno)))
    }
    let bytes = DemoStage.picture(megabytes: 64)
    _ = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    fclose(file)
    let (registry, bob) = (LocalMachine(name: "registry"), LocalMachine(name: "bob"))
    let stage = DemoStage(
      registry: registry, alice: machine, bob: bob, usesLoopback: true, file: "\(folder)/alice/holiday.jpg",
      folder: "\(folder)/bob"
    ) { say("   " + $0) }
    try await stage.play()
    await registry.close()
    await bob.close()
  }
}

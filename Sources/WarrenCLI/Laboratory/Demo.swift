import Warren
import WarrenOptions
import WarrenSimulator

/// Shows one echo, written once as an actor, in a simulated internet and over loopback.
struct Demo: Command {
  private static let seed = Option<UInt64>("seed", .number, "which simulated internet it is", default: 7)

  static var description: CommandDescription {
    CommandDescription(
      "demo", "show an echo through two simulated NATs, and over loopback", group: .first, options: [seed],
      examples: [Example("warren demo --seed 8", "show it with other chance")])
  }

  private let seed: UInt64

  init(_ words: ParsedWords) { seed = words[Self.seed] }

  func run() async throws {
    print("An echo, written once as an actor over Machine, in two worlds.\n")
    let local = LocalMachine(name: "demo")
    try await throughNATs(timedBy: local)
    try await overLoopback(local)
    await local.close()
  }

  /// What a simulated run told.
  private struct Simulated: Sendable {
    var registry: SocketAddress
    var bob: SocketAddress
    var alice: SocketAddress?
    var direct: EchoClient.Answer
    var overTCP: EchoClient.Answer
  }

  private func throughNATs(timedBy local: LocalMachine) async throws {
    print("1  In a simulated internet, seed \(seed)")
    print("   alice is behind a symmetric NAT, bob behind a full-cone NAT behind a carrier's.")
    let start = try await local.run { local.now }
    let (told, trace) = try await simulate()
    let elapsed = try await local.run { start.duration(to: local.now) }

    print("   bob greets the registry, which sees him at \(told.bob).")
    print("   alice calls him there over UDP:  \(describe(told.direct)), and he saw her", terminator: " ")
    print("at \(told.alice?.description ?? "nowhere").")
    print("   alice calls the registry over TCP at \(told.registry):  \(describe(told.overTCP)).")
    let again = try await simulate().trace
    let verdict = again.hash == trace.hash ? "the same" : "DIFFERENT: this is a bug"
    print(
      "   All of it took \(milliseconds(elapsed)) of real time, in \(trace.count) events;", terminator: " ")
    print("run again, the trace is \(verdict).\n   The way of alice's question:")
    for event in question(in: trace) { print("     \(event)") }
    print("")
  }

  private func simulate() async throws -> (told: Simulated, trace: Trace) {
    let world = World(seed: seed) {
      Machine("alice").behind(.symmetric)
      Machine("bob").behind(.fullCone).behind(.carrierGrade)
      Server("registry")
    }
    let told = try await world.run { world in
      let (alice, bob, registry) = (world.machine("alice"), world.machine("bob"), world.machine("registry"))
      let rendezvous = EchoServer(on: registry)
      let address = SocketAddress(registry.address(), port: try await rendezvous.start().port)
      let echo = EchoServer(on: bob)
      try await echo.start()
      try await echo.greet(address)
      try await bob.sleep(for: .milliseconds(100))
      guard let seen = await rendezvous.lastCaller else { throw NetworkError.timedOut(address) }

      let client = EchoClient(on: alice)
      let direct = try await client.call(seen, with: Array("Hello, Bob!".utf8))
      let overTCP = try await client.callOverTCP(address, with: Array(repeating: 42, count: 100_000))
      return Simulated(
        registry: address, bob: seen, alice: await echo.lastCaller, direct: direct, overTCP: overTCP)
    }
    return (told, world.trace)
  }

  private func overLoopback(_ machine: LocalMachine) async throws {
    print("2  On this machine, over loopback")
    for family in IPAddress.Family.allCases {
      let server = EchoServer(on: machine)
      let address = try await server.start(at: .loopback(family))
      let client = EchoClient(on: machine)
      let answer = try await client.call(address, with: Array("Hello, self!".utf8))
      print("   UDP to \(address):  \(describe(answer)).")
      let stream = try await client.callOverTCP(address, with: Array(repeating: 42, count: 1_000_000))
      print("   TCP to \(address):  \(describe(stream)).")
      await client.close()
      await server.stop()
    }
  }

  /// The events of the first datagram that alice sent.
  private func question(in trace: Trace) -> [Trace.Event] {
    func packet(_ event: Trace.Event) -> Trace.Summary? {
      switch event.happening {
      case .sent(let packet), .forwarded(let packet), .delivered(let packet), .dropped(let packet, _): packet
      case .note: nil
      }
    }
    guard let first = trace.events.first(where: { $0.place == "alice" }), let number = packet(first)?.number
    else { return [] }
    return trace.events.filter { packet($0)?.number == number }
  }

  private func describe(_ answer: EchoClient.Answer) -> String {
    "\(answer.bytes.count) bytes came back after \(milliseconds(answer.after))"
  }

  private func milliseconds(_ duration: Duration) -> String {
    let hundredths = duration.wholeNanoseconds / 10_000
    let fraction = hundredths % 100
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) ms"
  }
}

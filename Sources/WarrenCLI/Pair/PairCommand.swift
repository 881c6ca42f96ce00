import Warren
import WarrenOptions
import WarrenTerminal

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A pipe between two who know the same secret.
struct PairCommand: Command {
  private static let secret = Argument("SECRET", .text, "what both type, and nobody else knows")
  private static let waits = Option.flag("wait", "wait for the other one, and do not ask first")
  private static let asks = Option.flag("ask", "ask once whether the other one waits, and do not wait")
  private static let tcp = Option.flag("tcp", "go over TCP, or not at all")
  private static let udp = Option.flag("udp", "go straight over UDP, or not at all")
  private static let server = Option<SocketAddress?>(
    "server", .address, "meet by the original's JSON over TCP there, and pipe over plain TCP")
  private static let tries = Option(
    "tries", .number(1...1000), "how often it is tried to get through", default: 3)
  private static let timeout = Option(
    "timeout", .duration(.seconds(1) ... .seconds(86_400)), "how long the other one is waited for",
    default: .seconds(300))

  static var description: CommandDescription {
    CommandDescription(
      "pair", "pipe to whoever types the same secret",
      discussion: """
        What comes on standard input here goes out on standard output there, and the other way round, until both inputs have ended. \
        Whoever comes first waits. The registry brings the two together, and learns the secret: take a new one each time.
        """,
      group: .meeting, arguments: [secret],
      options: [waits, asks, tcp, udp, server, tries, timeout] + PeerWords.all,
      rules: PeerWords.rules + [
        .atMostOne(of: [waits, asks]), .atMostOne(of: [tcp, udp]), .atMostOne(of: [server, udp]),
      ],
      examples: [
        Example("tar c holiday | warren pair 7-green-frogs", "send a folder to whoever types the same"),
        Example("warren pair 7-green-frogs </dev/null | tar x", "take it"),
        Example("warren pair 7-green-frogs", "talk, line by line"),
      ])
  }

  private let program: PeerProgram
  private let meeting: Meeting
  /// Who brings the two together, where it is no registry.
  private let server: SocketAddress?

  init(_ words: ParsedWords) throws {
    var program = try PeerProgram(words)
    server = words[Self.server]
    if server == nil { try program.needRegistry() }
    // Nobody is to find it but by the secret.
    program.keepsKey = false
    program.configuration.isListed = false
    program.configuration.policy = .invited
    self.program = program
    meeting = Meeting(
      secret: words[Self.secret], mayAsk: !words[Self.waits], mayWait: !words[Self.asks],
      kind: words[Self.tcp] ? .tcp : words[Self.udp] ? .direct : nil, tries: words[Self.tries],
      timeout: words[Self.timeout])
  }

  func run() async throws {
    do {
      if let server { try await runPlainly(server) } else { try await runPeer() }
    } catch let error as StandardStreamError where error.isBrokenPipe {
      // As the system ends who writes to nobody: `warren pair … | head` is no error.
      throw Interruption(signal: SIGPIPE)
    }
  }

  private func runPlainly(_ server: SocketAddress) async throws {
    try await LocalMachine.with("pair") { machine in
      try await untilInterrupted {
        let pairing = PlainPairing(at: server, meeting, on: machine)
        let (peer, own) = try await pairing.meet()
        try await pairing.open(to: peer, from: own)
        program.terminal.talk(
          "\("connected", .good) over plain tcp, \(peer): everybody on the way can read what is piped")
        try await pairing.carry()
      }
    }
  }

  private func runPeer() async throws {
    try await program.run { peer in
      let connection = try await meeting.meet(peer)
      let paths = await connection.pathUpdates
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          var before: Path.Kind?
          for await path in paths where path.kind != before {
            program.terminal.talk("\(before == nil ? "connected" : "now", .good) over \("\(path)")")
            before = path.kind
          }
        }
        defer { group.cancelAll() }
        try await Pipe(connection, on: peer.machine, program.terminal).run()
      }
    }
  }
}

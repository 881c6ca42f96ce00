import Warren
import WarrenOptions
import WarrenTerminal

/// A peer to try things with: it answers whoever connects, or says something to one that does.
struct PeerCommand: Command {
  private static let id = Option.required("id", .text.named("ID"), "what it is called at the registry")
  private static let other = Option<Whom?>(
    "connect", short: "c", .whom, "whom it talks to; without that it waits for others, and answers")
  private static let message = Option<String?>(
    "message", short: "m", .text, "what it says, in place of what is typed")
  private static let count = Option(
    "count", short: "n", .number(1...1_000_000), "how often it says that", default: 1)

  static var description: CommandDescription {
    CommandDescription(
      "peer", "try a connection: one answers, the other one asks",
      discussion: """
        Without --connect it waits, prints what others say, and says it back to them. With it, each line that is typed is sent, and \
        how long its answer took is printed.
        """,
      group: .meeting, options: [id, other, message, count] + PeerWords.all,
      rules: PeerWords.rules + [.needs(message, oneOf: [other]), .needs(count, oneOf: [message])],
      examples: [
        Example("warren peer --id bob -r warren://registry.example.org", "wait, and answer"),
        Example("warren peer --id alice --connect bob -m hello -n 10", "say hello to bob, ten times"),
      ])
  }

  private let program: PeerProgram
  private let other: Whom?
  private let message: String?
  private let count: Int

  init(_ words: ParsedWords) throws {
    var program = try PeerProgram(words)
    (other, message, count) = (words[Self.other], words[Self.message], words[Self.count])
    if let other { try program.needRegistry(for: other) } else { try program.needRegistry() }
    program.configuration.name = words[Self.id]
    program.configuration.policy = other == nil ? .everyone : .invited
    self.program = program
  }

  func run() async throws {
    try await program.run { peer in
      if let other {
        try await talk(to: other, by: peer)
      } else {
        try await answer(by: peer)
      }
    }
  }

  // MARK: It answers

  private func answer(by peer: Peer) async throws {
    try await peer.waitToBeFound()
    program.terminal.result("\(peer.id, .strong)")
    program.terminal.talk(
      "others ask by: warren peer --id ID --connect \(program.configuration.name ?? "\(peer.id)")")
    try await withThrowingDiscardingTaskGroup { group in
      for await connection in peer.connections {
        let name = connection.peer.map { "\($0)" } ?? "somebody"
        program.terminal.talk("\(name, .strong) is there, \("\(await connection.path)")")
        group.addTask {
          for await stream in connection.incomingStreams { await answer(stream, of: name) }
          program.terminal.talk("\(name, .strong) has gone")
        }
      }
      try Task.checkCancellation()
    }
  }

  /// One message, and the same back.
  private func answer(_ stream: Connection.Stream, of name: String) async {
    do {
      let bytes = try await PeerMessage.read(from: stream)
      program.terminal.result("\(name): \(String(decoding: bytes, as: UTF8.self))")
      try await stream.write(bytes)
      try await stream.finish()
    } catch {
      await stream.reset(code: 0)
      await stream.stop(code: 0)
    }
  }

  // MARK: It asks

  private func talk(to other: Whom, by peer: Peer) async throws {
    let connection = try await peer.connect(to: other)
    program.terminal.talk("connected, \("\(await connection.path)")")
    var times: [Duration] = []
    if let message {
      for _ in 0..<count { times.append(try await ask(message, over: connection, by: peer)) }
    } else {
      var lines = InputLines()
      while let line = try await lines.next() {
        times.append(try await ask(line, over: connection, by: peer))
      }
    }
    guard let least = times.min(), let most = times.max(), times.count > 1 else { return }
    let mean = times.reduce(.zero, +) / times.count
    program.terminal.talk(
      "\(times.count) answers: \(Self.text(least)) at least, \(Self.text(mean)) on average, \(Self.text(most)) at most"
    )
  }

  private func ask(_ message: String, over connection: Connection, by peer: Peer) async throws -> Duration {
    let start = peer.machine.now
    let stream = try await connection.openStream()
    let bytes = Array(message.utf8)
    guard bytes.count <= PeerMessage.mostBytes else {
      throw OptionsError(.badValue, "a message has at most \(PeerMessage.mostBytes) bytes")
    }
    try await stream.write(bytes)
    try await stream.finish()
    let answer = try await PeerMessage.read(from: stream)
    let time = start.duration(to: peer.machine.now)
    let path = await connection.path
    program.terminal.result(
      "\(Self.text(time)) \(path.kind.rawValue): \(String(decoding: answer, as: UTF8.self))")
    return time
  }

  /// `1.234 ms`.
  private static func text(_ time: Duration) -> String {
    let microseconds = Int(time / .microseconds(1))
    let rest = String(microseconds % 1000)
    return "\(microseconds / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest) ms"
  }
}

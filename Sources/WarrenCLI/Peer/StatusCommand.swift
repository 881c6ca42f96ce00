import Warren
import WarrenOptions
import WarrenTerminal

/// Asks the registry how it is, and who is there.
struct StatusCommand: Command {
  private static let limit = Option(
    "limit", .number(0...10_000), "how many of those who are there are shown", default: 20)

  static var description: CommandDescription {
    CommandDescription(
      "status", "ask the registry how it is, and who is there",
      group: .meeting, options: [limit, JSONWord.json] + PeerWords.all, rules: PeerWords.rules,
      examples: [Example("warren status -r warren://registry.example.org", "ask a registry")])
  }

  private let program: PeerProgram
  private let limit: Int
  private let isJSON: Bool

  init(_ words: ParsedWords) throws {
    var program = try PeerProgram(words)
    try program.needRegistry()
    // It only asks: nobody has to find it.
    program.keepsKey = false
    program.configuration.isListed = false
    self.program = program
    limit = words[Self.limit]
    isJSON = words[JSONWord.json]
  }

  func run() async throws {
    let (view, peers) = try await program.run { peer in
      (try await peer.registryView(), try await peer.listed(atMost: limit))
    }
    if isJSON { show(json: view, peers) } else { show(view, peers) }
  }

  private func show(_ view: RegistryView, _ peers: [ListedPeer]) {
    let terminal = program.terminal
    terminal.result(
      "The registry at \(view.address, .strong) answers over \(view.usesUDP ? "UDP" : "TCP: no UDP gets through"), after \(view.roundTrip.milliseconds) ms."
    )
    terminal.result("It sees this computer at \(view.observed, .strong).")
    terminal.result(
      view.relays.isEmpty
        ? "It relays for nobody." : "It relays where nothing else leads: over \(Self.ways(view.relays)).")
    if peers.isEmpty { return terminal.result("Nobody else is listed.") }
    terminal.result("There are:")
    for peer in peers { terminal.result("  \(peer.id)  \(peer.name?.text ?? "", .strong)") }
  }

  private func show(json view: RegistryView, _ peers: [ListedPeer]) {
    program.terminal.result(
      json: .object([
        ("registry", .text("\(view.address)")), ("observed", .text("\(view.observed)")),
        ("udp", .flag(view.usesUDP)), ("round_trip_ms", .real(view.roundTrip.milliseconds)),
        ("relays", .list(view.relays.map { .text("\($0)") })),
        (
          "peers",
          .list(
            peers.map { peer in
              .object([
                ("key", .text("\(peer.id)")), ("name", peer.name.map { .text($0.text) } ?? .nothing),
              ])
            })
        ),
      ]))
  }

  private static func ways(_ relays: [RelayServerAddress]) -> String {
    var ways: [String] = []
    for relay in relays where !ways.contains("\(relay.transport)") { ways.append("\(relay.transport)") }
    return ways.joined(separator: ", ")
  }
}

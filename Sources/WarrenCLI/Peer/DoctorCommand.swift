import Warren
import WarrenOptions
import WarrenTerminal

/// Finds out what stands between this computer and others, and says what will work.
struct DoctorCommand: Command {
  private static let portal = Option<PortalCheck?>(
    "portal-check", .page, "a page that answers with nothing (204): what else answers wants to be read first")
  private static let router = Option.flag(
    "router", "ask the router to open a port, for a moment", default: true)
  private static let lifetime = Option.flag(
    "lifetime", "measure how long NATs keep silent mappings: that takes minutes")

  static var description: CommandDescription {
    CommandDescription(
      "doctor", "say what stands before this computer, and what will work",
      discussion: """
        It asks the registry, the STUN servers and relays that it is given, and the router, and nobody else. A STUN server with two \
        addresses (RFC 5780) knows most.
        """,
      group: .meeting, options: [portal, router, lifetime, JSONWord.json] + PeerWords.all,
      rules: PeerWords.rules,
      examples: [
        Example("warren doctor -r warren://registry.example.org", "ask a registry"),
        Example("warren doctor --stun 192.0.2.1:3478 --stun 192.0.2.2:3478 --json", "ask two STUN servers"),
      ])
  }

  private let program: PeerProgram
  private let words: ParsedWords

  init(_ words: ParsedWords) throws {
    program = try PeerProgram(words)
    self.words = words
  }

  func run() async throws {
    let report = try await untilInterrupted {
      try await LocalMachine.with("doctor") { machine in
        try await NetworkExaminer(on: machine).examine(
          try await program.configuration(on: machine), portal: words[Self.portal],
          asksRouter: words[Self.router], measuresLifetime: words[Self.lifetime])
      }
    }
    if words[JSONWord.json] { return program.terminal.result(json: report.json) }
    for (place, paragraph) in report.paragraphs.enumerated() {
      if place > 0 { program.terminal.result("") }
      for line in paragraph.split(separator: "\n") { program.terminal.result(StyledText(String(line))) }
    }
  }
}

extension ValueKind where Value == PortalCheck {
  fileprivate static var page: ValueKind {
    ValueKind("URL", expected: "an address of plain HTTP", example: "http://192.0.2.1/generate_204") {
      PortalCheck(url: $0)
    }
  }
}

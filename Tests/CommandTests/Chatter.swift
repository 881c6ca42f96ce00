import TestSupport
import Testing
import Warren

/// Somebody who chats through pipes.
struct Chatter: Sendable {
  let program: WarrenProgram
  private let machine: any Machine

  init(
    _ name: String, _ words: [String], _ machine: any Machine, in folder: String,
    registry: RunningRegistry? = nil
  ) throws {
    let settings = registry.map { ["WARREN_REGISTRY": $0.address] } ?? [:]
    program = try WarrenProgram(name, in: folder, ["chat"] + words, settings: settings)
    self.machine = machine
  }

  /// Somebody of this name, whom the registry knows already.
  static func known(
    as name: String, _ registry: RunningRegistry, _ machine: any Machine, in folder: String
  ) async throws -> Chatter {
    let chatter = try Chatter(name, [name, "--loopback"], machine, in: folder, registry: registry)
    try await chatter.isTold("You are \(name).")
    return chatter
  }

  func types(_ line: String) { program.type(line) }

  /// Waits until it is told something beside what others say.
  func isTold(_ text: String, atMost limit: Duration = .seconds(20)) async throws {
    let program = program
    try await machine.wait("\(program.name) to be told \(text)", atMost: limit) { program.err.contains(text) }
  }

  /// Waits until this is on its standard output.
  func hears(_ text: String) async throws {
    let program = program
    try await machine.wait("\(program.name) to hear \(text)") { program.out.contains(text) }
  }

  /// Has both talk.
  func talks(with other: Chatter, byTyping allow: String = "allow") async throws {
    types("connect \(other.program.name)")
    try await other.isTold("\(program.name) asks to talk: ")
    other.types("\(allow) \(program.name)")
    try await isTold("You talk with \(other.program.name), over ")
    try await other.isTold("You talk with \(program.name), over ")
  }

  /// Ends it, as it is to end.
  func leaves(_ line: String = "/exit") async throws {
    types(line)
    let end = try await program.end(on: machine)
    #expect(end == (0, 0), "\(program.err)")
  }
}

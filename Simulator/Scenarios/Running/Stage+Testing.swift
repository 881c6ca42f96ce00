import Warren
import WarrenSimulator

// What a test does here.
extension Stage {
  /// What time it is in this world.
  public var now: Instant { world.now }

  /// Lets time pass.
  public func sleep(for time: Duration) async throws { try await director.sleep(for: time) }

  /// A machine, with its files, clock and links.
  public func machine(_ name: String) -> SimulatedMachine { world.machine(name) }

  /// The peer that runs on a machine, as it is now: who has been started again is another one.
  public func peer(_ name: String) -> Peer {
    guard let peer = peers[name] else { preconditionFailure("no peer runs on \(name)") }
    return peer
  }

  /// The node of a mesh that runs on a machine, as it is now.
  public func mesh(_ name: String) -> Mesh {
    guard let mesh = meshes[name] else { preconditionFailure("no node of a mesh runs on \(name)") }
    return mesh
  }

  /// Has the test answer the connections that others begin with a peer from now on.
  public func answer(at name: String, _ body: @escaping @Sendable (Connection) async throws -> Void) {
    answers[name] = body
  }

  /// Puts something to the test. In a run in which other things go wrong as well it may be wrong: what is expected is expected of what
  /// the scenario tells of.
  public func expect(_ isRight: Bool, _ text: @autoclosure () -> String) {
    judgement.expect(isRight || isChaotic, .expectation, text())
  }

  /// Lets something happen, to its end, as if the scenario told of it.
  public func perform(_ action: Step.Action) async throws {
    let step = Step(action)
    unforeseen.append(step)
    try await perform(step)
  }

  /// All that has been let happen, or will be.
  var timeline: [Step] { scenario.timeline + unforeseen }
}

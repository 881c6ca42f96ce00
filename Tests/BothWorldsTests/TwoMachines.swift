import TestSupport
import Testing
import Warren
import WarrenSimulator

/// Two machines that reach each other, in whichever world: what a test is written against once.
enum TwoMachines: String, CaseIterable, CustomTestStringConvertible {
  /// In a simulated internet, 25 ms apart.
  case simulated
  /// This machine twice, each on a loop of its own, over loopback.
  case local

  var testDescription: String { rawValue }

  /// What a test is handed.
  struct Pair: Sendable {
    var alice: any Machine
    var bob: any Machine
    /// The address at which alice reaches bob.
    var bobIP: @Sendable (IPAddress.Family) -> IPAddress
    var aliceIP: @Sendable (IPAddress.Family) -> IPAddress
  }

  /// Runs `body` on alice's machine, and closes both afterwards.
  ///
  /// - Parameter isAlone: whether nobody else is on this computer meanwhile, as far as that can be seen to.
  func run(isAlone: Bool = false, _ body: @escaping @Sendable (Pair) async throws -> Void) async throws {
    switch self {
    case .simulated:
      let world = World(seed: 11) {
        Server("alice")
        Server("bob")
      }
      try await world.run { world in
        let (alice, bob) = (world.machine("alice"), world.machine("bob"))
        try await body(
          Pair(alice: alice, bob: bob, bobIP: { bob.address($0) }, aliceIP: { alice.address($0) }))
      }
    case .local:
      let open = try await onLocalMachines(["alice", "bob"], isAlone: isAlone) { machines in
        try await body(
          Pair(alice: machines[0], bob: machines[1], bobIP: { .loopback($0) }, aliceIP: { .loopback($0) }))
      }
      #expect(open == [0, 0])
    }
  }
}

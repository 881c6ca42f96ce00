import TestSupport
import Testing
import Warren
import WarrenSimulator

/// A client, a relay and a peer, in whichever world.
enum RelayWorld: String, CaseIterable, CustomTestStringConvertible {
  case simulated
  case local

  var testDescription: String { rawValue }

  struct Scene: Sendable {
    var client: any Machine
    var server: any Machine
    var peer: any Machine
    /// Addresses at which the others are reached.
    var serverIP: @Sendable (IPAddress.Family) -> IPAddress
    var peerIP: @Sendable (IPAddress.Family) -> IPAddress
  }

  /// Runs `body` on the client's machine.
  func run(_ body: @escaping @Sendable (Scene) async throws -> Void) async throws {
    switch self {
    case .simulated: try await Self.simulate(seed: 5, body)
    case .local:
      let open = try await onLocalMachines(["client", "relay", "peer"]) { machines in
        try await body(
          Scene(
            client: machines[0], server: machines[1], peer: machines[2], serverIP: { .loopback($0) },
            peerIP: { .loopback($0) }))
      }
      #expect(open == [0, 0, 0])
    }
  }

  static func simulate(
    seed: UInt64, link: LinkConfiguration = .access, _ body: @escaping @Sendable (Scene) async throws -> Void
  ) async throws {
    let world = World(seed: seed) {
      Server("client").linked(link)
      Server("relay")
      Server("peer")
    }
    try await world.run { world in
      let (server, peer) = (world.machine("relay"), world.machine("peer"))
      try await body(
        Scene(
          client: world.machine("client"), server: server, peer: peer, serverIP: { server.address($0) },
          peerIP: { peer.address($0) }))
    }
  }
}

import Testing
import Warren

@testable import WarrenSimulator
@testable import WarrenTraversal

/// A home whose gateway speaks some protocols, and somebody outside.
func home(
  seed: UInt64 = 1, _ protocols: Set<PortMappingProtocol>, lossy: Bool = false,
  _ change: (inout NATConfiguration) -> Void = { _ in }
) -> World {
  var cable = LinkConfiguration.ideal
  if lossy { cable.loss = 0.3 }
  var nat = NATConfiguration.portRestrictedCone
  nat.portMapping.protocols = protocols
  change(&nat)
  return World(seed: seed) {
    NAT("gateway", nat) {
      Server("alice").linked(cable)
      Server("carol")
    }
    Server("bob")
  }
}

extension World {
  var alice: SimulatedMachine { machine("alice") }
  var gateway: Box { box("gateway") }

  /// Whether bob, whom nobody inside has called, gets an answer from an outside address.
  func bobReaches(_ address: SocketAddress, _ transport: TransportProtocol = .udp) async throws -> Bool {
    let client = EchoClient(on: machine("bob"))
    defer { machine("bob").spawn("close") { await client.close() } }
    do {
      switch transport {
      case .udp: return try await client.call(address, with: [1, 2, 3]).from == address
      case .tcp: return try await client.callOverTCP(address, with: [1, 2, 3]).bytes == [1, 2, 3]
      }
    } catch is DeadlineExceeded {
      return false
    } catch is NetworkError where transport == .tcp {
      return false
    }
  }

  /// Nothing of alice's waits, runs or is open.
  func expectNothingLeft() {
    #expect(alice.waits.waiting.filter { !$0.contains("accept") } == [])
    #expect(alice.waits.runningTasks.filter { $0.contains("UPnP") } == [])
    #expect(alice.udpSockets.isEmpty)
  }
}

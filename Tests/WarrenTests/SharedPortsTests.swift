import Testing
import WarrenSimulator
import WarrenTraversal

@testable import Warren

@Suite("The ports of a peer")
struct SharedPortsTests {
  @Test("keep no puncher that has been removed, whichever socket it has used")
  func removes() async throws {
    try await World(seed: 1) { Machine("alice") }.run { world in
      let machine = world.machine("alice")
      let ports = SharedPorts([])
      let socket = try machine.bindUDP(to: .any(.v4), options: UDPOptions())
      ports.borrowed(socket, as: 7)
      weak var gone: HolePuncher?
      do {
        let (puncher, other) = (
          HolePuncher(on: machine, role: .controlling), HolePuncher(on: machine, role: .controlled)
        )
        gone = puncher
        for user in [puncher, other] {
          ports.add(user)
          ports.share(7, with: user, 0)
        }
        ports.remove(puncher)
      }
      #expect(gone == nil)
      ports.closeAll()
    }
  }
}

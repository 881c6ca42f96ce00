import Warren
import WarrenSimulator

extension PunchConfiguration {
  /// IPv4 alone, and STUN servers that begin at some ports of a machine.
  static func asking(
    _ machine: SimulatedMachine, at ports: [UInt16] = [3478, 3479]
  ) async throws -> PunchConfiguration {
    var configuration = PunchConfiguration()
    configuration.families = [.v4]
    for port in ports {
      let address = SocketAddress(machine.address(), port: port)
      try await STUNServer(on: machine).start(at: address)
      configuration.stunServers.append(address)
    }
    return configuration
  }
}

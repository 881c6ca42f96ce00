import Testing
import Warren

@testable import WarrenEventLoop

/// On real sockets, in a network of its own where nobody answers.
@Suite(
  "Where no gateway answers", .serialized,
  .enabled(if: OwnNetwork.obstacle == nil, "\(OwnNetwork.obstacle ?? "")"))
struct NoGatewayTests {
  private func machineWithSilentGateway() throws -> LocalMachine {
    let network = OwnNetwork.make(
      "ip link add eth9 type veth peer name eth8", "ip link set eth8 up",
      "ip addr add 192.168.77.2/24 dev eth9", "ip link set eth9 up",
      "ip route add default via 192.168.77.1",
      // The kernel says that it runs a moment later, on a busy computer a second: before that it counts as none.
      "timeout 20 sh -c 'until ip link show eth9 | grep -q \"state UP\"; do sleep 0.01; done'")
    #expect(network.failure == nil)
    return try #require(network.machine)
  }

  @Test("UPnP says at once that there is none without a route")
  func noRoute() async throws {
    let machine = try #require(OwnNetwork.make().machine)
    try await machine.run {
      let gateways = try machine.gateways()
      #expect(gateways == [])
      await #expect(throws: UPnPError.noGateway) {
        try await machine.suspend({ "UPnP" }) { machine.askUPnPGateway(.discover, $0) }
      }
      let mapper = PortMapper(on: machine)
      await #expect(throws: PortMappingError.noGateway(.v4)) { try await mapper.map(port: 4000) }
      await mapper.close()
    }
    await machine.close()
  }

  @Test("a mapper says so within its patience, and the thread of UPnP ends")
  func silence() async throws {
    let machine = try machineWithSilentGateway()
    let thread = machine.upnp
    try await machine.run {
      let gateways = try machine.gateways()
      #expect(gateways == [IPAddress(192, 168, 77, 1)])
      let mapper = PortMapper(on: machine)
      await #expect(throws: PortMappingError.noAnswer(gateways: [IPAddress(192, 168, 77, 1)])) {
        try await mapper.map(port: 4000)
      }
      await mapper.close()
      try await machine.withDeadline(.seconds(30)) {
        while thread.isRunning { try await machine.sleep(for: .milliseconds(10)) }
      }
    }
    await machine.close()
  }

  @Test("closing the machine does not wait for UPnP, whose thread ends when the library lets it")
  func closing() async throws {
    let machine = try machineWithSilentGateway()
    let thread = machine.upnp
    let asking = machine.spawn("ask") {
      try await machine.suspend({ "UPnP" }) { machine.askUPnPGateway(.discover, $0) }
    }
    try await machine.run { try await machine.sleep(for: .milliseconds(50)) }
    #expect(thread.isRunning)
    await machine.close()
    await #expect(throws: NetworkError.machineClosed) { try await asking.value }
    let clock = LocalMachine(name: "clock")
    try await clock.run {
      try await clock.withDeadline(.seconds(30)) {
        while thread.isRunning { try await clock.sleep(for: .milliseconds(10)) }
      }
    }
    await clock.close()
  }
}

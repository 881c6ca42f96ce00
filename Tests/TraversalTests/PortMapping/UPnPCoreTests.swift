import Testing
import WarrenMachine

@testable import WarrenTraversal

@Suite("UPnP's core")
struct UPnPCoreTests {
  private let gateway = UPnPGateway(
    address: IPAddress(192, 168, 1, 1), outsideAddress: IPAddress(198, 51, 100, 7))
  private let now = Instant(nanoseconds: 1)

  private func core() -> UPnPCore {
    let terms = PortMappingTerms(transport: .udp, localPort: 4000, suggestedPort: 4000)
    return UPnPCore(terms, gateways: [gateway.address], seed: 1)
  }

  /// A core whose gateway is found, and the request for the mapping.
  private func asking() throws -> (UPnPCore, UPnPRequest) {
    var core = core()
    let first = core.poll()
    #expect(first == .discover)
    let found = core.answered(.success(gateway), to: .discover, at: now)
    #expect(found == .found(gateway.outsideAddress!))
    core.map()
    let request = core.poll()
    return (core, try #require(request))
  }

  @Test("believes none who says to be a gateway and is none of the machine's")
  func stranger() {
    var core = core()
    _ = core.poll()
    let stranger = UPnPGateway(address: IPAddress(192, 168, 1, 9), outsideAddress: gateway.outsideAddress)
    let event = core.answered(.success(stranger), to: .discover, at: now)
    #expect(event == .unsupported)
    #expect(core.faults[.stranger] == 1)
    let next = core.poll()
    #expect(next == nil)
  }

  @Test(
    "opens nothing by an outside address that cannot be one",
    arguments: [
      nil, IPAddress(127, 0, 0, 1), IPAddress(224, 0, 0, 1),
    ])
  func impossible(_ address: IPAddress?) throws {
    var (core, request) = try asking()
    let answer = UPnPGateway(address: gateway.address, outsideAddress: address)
    let event = core.answered(.success(answer), to: request, at: now)
    #expect(event == .refused(.gatewayIsOffline))
    #expect(core.grant == nil)
  }

  @Test("tries other ports where one is another's, and ends")
  func conflicts() throws {
    var (core, request) = try asking()
    var ports: [UPnPRequest] = [request]
    while true {
      let event = core.answered(.failure(.refused(code: 718)), to: request, at: now)
      guard let next = core.poll() else {
        #expect(event == .refused(.portsTaken))
        break
      }
      request = next
      ports.append(next)
    }
    #expect(ports.count == PortMappingLimits.upnpPorts)
    #expect(Set(ports).count == ports.count)
  }

  @Test("gives back what was asked for although no answer has come, and waits for the answer to that")
  func withdrawnBeforeAnswered() throws {
    var (core, request) = try asking()
    core.withdraw()
    let unmap = core.poll()
    #expect(unmap == .unmap(.udp, outsidePort: 4000))
    let late = core.answered(.success(gateway), to: request, at: now)
    #expect(late == nil)
    let last = core.answered(.success(gateway), to: try #require(unmap), at: now)
    #expect(last == .withdrawn)
  }
}

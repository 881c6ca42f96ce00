import Testing
import WarrenMachine

@testable import WarrenEventLoop

@Suite("Linux' tables of routes")
struct RouteTableTests {
  @Test("name the gateways of IPv4, the lowest metric first, each once")
  func v4() {
    let table = """
      Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
      wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
      eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
      eth1\t00000000\t010200C0\t0003\t0\t0\t200\t00000000\t0\t0\t0
      tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0
      eth0\t00000000\t630200C0\t0002\t0\t0\t1\t00000000\t0\t0\t0
      eth0\t00000000\t640200C0\t0203\t0\t0\t1\t00000000\t0\t0\t0
      tun0\t00000000\t0100000A\t0003\t0\t0\t1\t00000080\t0\t0\t0
      eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
      """
    #expect(RouteTable.gatewaysV4(in: table) == [IPAddress(192, 0, 2, 1), IPAddress(192, 168, 1, 1)])
  }

  @Test("name the gateways of IPv6, with the interface where that is needed")
  func v6() {
    let none = String(repeating: "0", count: 32)
    let table = """
      \(none) 00 \(none) 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0
      \(none) 00 \(none) 00 20010db8000000000000000000000001 00000064 00000001 00000000 00000003 eth1
      20010db8000000000000000000000000 20 \(none) 00 20010db8000000000000000000000002 00000001 1 0 00000003 eth1
      \(none) 00 \(none) 00 \(none) ffffffff 00000001 00000000 00200200 lo
      """
    let gateways = RouteTable.gatewaysV6(in: table) { $0 == "eth0" ? 7 : 8 }
    #expect(
      gateways == [
        IPAddress(v6: 0x2001_0DB8_0000_0000, 1), IPAddress(v6: 0xFE80_0000_0000_0000, 1, zone: 7),
      ])
  }

  @Test("are passed over where they make no sense", arguments: ["", "\n\n", "a b c", "eth0\t0\t0\t3\t\t\t0"])
  func nonsense(_ table: String) {
    #expect(RouteTable.gatewaysV4(in: table) == [])
    #expect(RouteTable.gatewaysV6(in: table) { _ in 1 } == [])
  }

  @Test("can be read on this computer")
  func real() throws {
    for gateway in try RouteTable.gateways() { #expect(!gateway.isUnspecified) }
  }
}

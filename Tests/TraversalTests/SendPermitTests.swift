import Testing
import WarrenMachine

@testable import WarrenTraversal

@Suite("Leave to send")
struct SendPermitTests {
  private static let relays = [IPAddress(192, 0, 2, 1), IPAddress(192, 0, 2, 2)]

  @Test("to relays at which somebody says to be is little, for all of them together")
  func relays() {
    var permit = SendPermit(.attested)
    let early = permit.spend(1, on: Self.relays[0])
    #expect(!early)
    for ip in Self.relays { permit.allow(relay: ip) }
    var sent = 0
    while sent <= PunchLimits.relayedBytes, permit.spend(1000, on: Self.relays[sent / 1000 % 2]) {
      sent += 1000
    }
    #expect(sent <= PunchLimits.relayedBytes && sent > PunchLimits.relayedBytes - 1000)
    permit.allow(relay: Self.relays[0])
    let more = Self.relays.map { permit.spend(1000, on: $0) }
    #expect(more == [false, false], "not by saying it again")
    let elsewhere = permit.spend(1, on: IPAddress(192, 0, 2, 3))
    #expect(!elsewhere && permit.refused == 5)
  }

  @Test("does not come from an answer of a relay's: ports are looked for where the other side itself is")
  func proof() {
    var permit = SendPermit(.attested)
    permit.allow(relay: Self.relays[0])
    for ip in Self.relays { permit.prove(ip) }
    #expect(!permit.isAttested(Self.relays[0]) && permit.isAttested(Self.relays[1]))
  }
}

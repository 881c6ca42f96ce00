import Testing
import Warren

@testable import WarrenRelay
@testable import WarrenSTUN

@Suite("A report that a datagram did not arrive")
struct RelayedFailureTests {
  @Test("says the same before and after a relay's message, of both families")
  func bothWays() throws {
    let reasons: [DeliveryFailure.Reason] = [
      .portUnreachable, .unreachable, .prohibited, .hopLimitExceeded, .tooLarge(mtu: 1280),
    ]
    for peer in [RelayScene.peer, RelayScene.peerV6] {
      for reason in reasons {
        let failure = DeliveryFailure(reason: reason, destination: peer, reporter: peer.ip, excerpt: [1])
        var writer = STUNMessageWriter()
        writer.begin(.indication, .data, TransactionID(1, 2))
        writer.add(.xorPeerAddress, masked: peer)
        writer.add(.icmp, failure.relayed)
        let bytes = writer.copy
        let message = try STUNMessage(bytes.span.bytes)
        let read = DeliveryFailure(relayed: message, about: peer, by: RelayScene.relayIP)
        #expect(read?.reason == reason && read?.destination == peer)
      }
    }
  }

  @Test("is written as RFC 8656 has it: type in seven bits, code in nine, and what ICMP says besides")
  func layout() {
    let failure = DeliveryFailure(
      reason: .tooLarge(mtu: 0x0578), destination: RelayScene.peer, reporter: RelayScene.relayIP, excerpt: [])
    #expect(failure.relayed == 0x0000_0604_0000_0578)
  }
}

import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenRegistry

@Suite("Introductions, many of them")
struct IntroductionRateTests {
  @Test("those that have ended keep nobody out, and those that have not end in their time")
  func endedAreForgotten() throws {
    var random = SeededRandom(7)
    let peers = (0..<4).map { _ in PrivateKey(using: &random).peerID }
    var desk = IntroductionDesk(patience: .seconds(60), capacity: 100)
    let start = Instant(nanoseconds: 0)
    let stays = try desk.begin(peers[0], with: peers[1], question: 1, at: start)
    for number in 0..<10_000 {
      let now = start.advanced(by: .milliseconds(number))
      let id = try desk.begin(peers[2], with: peers[3], question: nil, at: now)
      #expect(desk.end(id, by: peers[2]) != nil)
    }
    #expect(desk.count == 1)
    #expect(desk.nextDeadline == start.advanced(by: .seconds(60)))
    #expect(desk.takeExpired(at: start.advanced(by: .seconds(60))).map(\.id) == [stays])
    #expect(desk.count == 0)
  }
}

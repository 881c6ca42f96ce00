import Testing
import WarrenMachine

@testable import WarrenTraversal

@Suite("A gateway's mapping")
struct GatewayRenewalTests {
  typealias Laboratory = GatewayLaboratory

  @Test("is asked for again between a half and five eighths of its life, and is lost at its end")
  func renewal() throws {
    var laboratory = Laboratory()
    _ = laboratory.requests()
    _ = laboratory.receive(Laboratory.pcp(lifetime: 40))
    let (sent, events) = laboratory.wait(.seconds(60))
    let first = try #require(sent.first)
    #expect(first.0 >= .seconds(20) && first.0 <= .seconds(25))
    #expect(first.1[1] == 1 && Array(first.1[24..<36]) == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2])
    // Nobody answers: it is asked for repeatedly, and gone when the gateway closes it.
    #expect(sent.count > 4 && sent.allSatisfy { $0.1[1] == 1 })
    #expect(events.map(\.0) == [.seconds(40)])
    #expect(events.map(\.1) == [.lost])
  }

  @Test("lives on when the renewal is granted, with the lifetime of the new answer")
  func renewed() {
    var laboratory = Laboratory()
    _ = laboratory.requests()
    _ = laboratory.receive(Laboratory.pcp(lifetime: 40))
    _ = laboratory.wait(.seconds(26))
    #expect(laboratory.receive(Laboratory.pcp(lifetime: 100, epoch: 1026)) != nil)
    #expect(laboratory.core.grant?.expiry == laboratory.now.advanced(by: .seconds(100)))
    #expect(laboratory.wait(.seconds(49)).sent.isEmpty)
  }

  @Test("is not believed to live for years")
  func years() {
    var laboratory = Laboratory()
    _ = laboratory.requests()
    _ = laboratory.receive(Laboratory.pcp(lifetime: .max))
    #expect(laboratory.core.grant?.expiry == laboratory.now.advanced(by: .seconds(86_400)))
  }

  @Test("is asked for again where it was, by PCP, when the gateway has restarted")
  func restartPCP() throws {
    var laboratory = Laboratory()
    _ = laboratory.requests()
    _ = laboratory.receive(Laboratory.pcp())
    let asked = laboratory.wait(.seconds(60)).sent
    #expect(asked.map { $0.1[1] } == [0], "ANNOUNCE, and nothing else")
    #expect(laboratory.receive(Laboratory.pcpAnnounce(epoch: 1060)) == nil)
    #expect(laboratory.requests().isEmpty)
    _ = laboratory.wait(.seconds(60))
    #expect(laboratory.receive(Laboratory.pcpAnnounce(epoch: 7)) == nil)
    let request = try #require(laboratory.requests().first)
    #expect(request[1] == 1)
    // The same nonce, and the place that it had (RFC 6887, 8.5 and 11.2.1).
    #expect(Array(request[24...]) == Array(Laboratory.pcp()[24...]))
  }

  @Test("is asked for again where it was, by NAT-PMP, when the gateway has restarted")
  func restartNATPMP() throws {
    var laboratory = Laboratory()
    laboratory.leadToNATPMP()
    _ = laboratory.receive(Laboratory.natPMP(port: 4321))
    let asked = laboratory.wait(.seconds(60)).sent
    #expect(asked.map { $0.1 } == [[0, 0]])
    #expect(laboratory.receive(Laboratory.natPMPAddress(epoch: 7)) == nil)
    let request = try #require(laboratory.requests().first)
    #expect(Array(request.prefix(8)) == [0, 1, 0, 0, 0x0F, 0xA0, 0x10, 0xE1])
  }

  @Test("is given back with a lifetime of 0, and until the gateway says so")
  func withdrawal() throws {
    var laboratory = Laboratory()
    _ = laboratory.requests()
    _ = laboratory.receive(Laboratory.pcp())
    laboratory.core.withdraw(at: laboratory.now)
    let request = try #require(laboratory.requests().first)
    #expect(Array(request[4..<8]) == [0, 0, 0, 0])
    // A late answer to the question before it is not the end.
    #expect(laboratory.receive(Laboratory.pcp()) == nil)
    #expect(!laboratory.core.hasEnded)
    #expect(laboratory.receive(Laboratory.pcp(lifetime: 0)) == .withdrawn)
  }

  /// Seconds of the gateway's count and of ours, since an answer that said 1000, and whether it has restarted.
  struct Count: Sendable {
    var server: UInt32
    var elapsed: Int64
    var pcp: Bool
    var natPMP: Bool
  }

  @Test(
    "is known to be forgotten by the gateway's count of seconds (RFC 6887, 8.5; RFC 6886, 3.6)",
    arguments: [
      Count(server: 1060, elapsed: 60, pcp: false, natPMP: false),
      Count(server: 0, elapsed: 60, pcp: true, natPMP: true),
      Count(server: 999, elapsed: 0, pcp: false, natPMP: false),
      Count(server: 997, elapsed: 0, pcp: true, natPMP: true),
      // Two seconds and a sixteenth, or an eighth, are forgiven.
      Count(server: 1055, elapsed: 60, pcp: false, natPMP: false),
      Count(server: 1050, elapsed: 60, pcp: true, natPMP: false),
      Count(server: 1049, elapsed: 60, pcp: true, natPMP: true),
      Count(server: 4400, elapsed: 3600, pcp: false, natPMP: false),
      // It may have restarted and counted on for longer than we have waited.
      Count(server: 1200, elapsed: 60, pcp: true, natPMP: false),
      Count(server: .max, elapsed: 60, pcp: true, natPMP: false),
    ])
  func epoch(_ count: Count) {
    let start = Instant(nanoseconds: 5)
    let now = start.advanced(by: .seconds(count.elapsed))
    var epoch = GatewayEpoch()
    // The first is always believed.
    var results = [epoch.noted(pcp: 1000, at: start), epoch.noted(pcp: count.server, at: now)]
    #expect(results == [false, count.pcp])
    epoch = GatewayEpoch()
    results = [epoch.noted(natPMP: 1000, at: start), epoch.noted(natPMP: count.server, at: now)]
    #expect(results == [false, count.natPMP])
  }
}

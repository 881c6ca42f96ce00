import TestSupport
import Testing
import WarrenMachine

@testable import WarrenTraversal

@Suite("A gateway's core")
struct GatewayCoreTests {
  typealias Laboratory = GatewayLaboratory

  // MARK: Hostile answers

  /// An answer that is none, and what is wrong with it.
  struct Hostile: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var bytes: [UInt8]
    var source = Laboratory.server
    var fault: AnswerFault

    init(
      _ name: String, _ bytes: [UInt8], from source: SocketAddress = Laboratory.server, _ fault: AnswerFault
    ) {
      testDescription = name
      self.bytes = bytes
      self.source = source
      self.fault = fault
    }
  }

  static let hostilePCP: [Hostile] = [
    Hostile(
      "from a neighbour", Laboratory.pcp(), from: SocketAddress(IPAddress(192, 168, 1, 9), port: 5351),
      .stranger),
    Hostile(
      "from another port", Laboratory.pcp(), from: SocketAddress(Laboratory.gateway, port: 5350), .stranger),
    Hostile("empty", [], .truncated),
    Hostile("a header alone", Array(Laboratory.pcp().prefix(24)), .truncated),
    Hostile("of 61 bytes", Laboratory.pcp { $0.append(0) }, .badLength),
    Hostile("of 1104 bytes", Laboratory.pcp { $0 += [UInt8](repeating: 0, count: 1044) }, .badLength),
    Hostile("with half an option", Laboratory.pcp { $0 += [200, 0, 0, 9, 1, 2, 3, 4] }, .badOption),
    Hostile("a request", Laboratory.pcp { $0[1] = 1 }, .notAnAnswer),
    Hostile("of version 1", Laboratory.pcp { $0[0] = 1 }, .wrongVersion),
    Hostile("of version 3", Laboratory.pcp { $0[0] = 3 }, .wrongVersion),
    Hostile("to PEER", Laboratory.pcp { $0[1] = 0x82 }, .wrongOpcode),
    Hostile("to ANNOUNCE, which nobody asked", Laboratory.pcpAnnounce(epoch: 5), .unexpected),
    Hostile("with another nonce", Laboratory.pcp { $0[35] = 3 }, .wrongNonce),
    Hostile("a refusal with another nonce", Laboratory.pcp(result: 2) { $0[24] = 3 }, .wrongNonce),
    Hostile("of TCP", Laboratory.pcp { $0[36] = 6 }, .wrongMapping),
    Hostile("about another port", Laboratory.pcp { $0[41] = 0 }, .wrongMapping),
    Hostile("for no time", Laboratory.pcp(lifetime: 0), .impossible),
    Hostile(
      "with port 0", Laboratory.pcp(outside: SocketAddress(Laboratory.outside.ip, port: 0)), .impossible),
    Hostile("with no address", Laboratory.pcp(outside: SocketAddress(.any(.v4), port: 1)), .impossible),
    Hostile("with a loopback address", Laboratory.pcp(outside: .loopback(.v4, port: 1)), .impossible),
    Hostile(
      "with a multicast address", Laboratory.pcp(outside: SocketAddress(IPAddress(224, 0, 0, 1), port: 1)),
      .impossible),
    Hostile(
      "with an address of IPv6",
      Laboratory.pcp(outside: SocketAddress(IPAddress(v6: 0x2001_0DB8_0000_0000, 1), port: 1)), .impossible),
    Hostile("a mapping of NAT-PMP, which nobody asked", Laboratory.natPMP(), .unexpected),
  ]

  @Test("counts an answer of PCP that is none, and believes the true one afterwards", arguments: hostilePCP)
  func hostilePCPAnswer(_ hostile: Hostile) {
    var laboratory = Laboratory()
    _ = laboratory.requests()
    #expect(laboratory.receive(hostile.bytes, from: hostile.source) == nil)
    #expect(laboratory.core.faults[hostile.fault] == 1)
    #expect(laboratory.core.faults.total == 1)
    #expect(laboratory.core.grant == nil)
    let event = laboratory.receive(Laboratory.pcp())
    #expect(event.map(laboratory.place) == Laboratory.outside)
  }

  static let hostileNATPMP: [Hostile] = [
    Hostile(
      "from a neighbour", Laboratory.natPMP(), from: SocketAddress(IPAddress(192, 168, 1, 9), port: 5351),
      .stranger),
    Hostile("too short", Array(Laboratory.natPMP().dropLast()), .truncated),
    Hostile("a refusal too short", [0, 129, 0, 2, 0, 0, 3], .truncated),
    Hostile("a request", Laboratory.natPMP { $0[1] = 1 }, .notAnAnswer),
    Hostile("to something else", Laboratory.natPMP { $0[1] = 131 }, .wrongOpcode),
    Hostile("of TCP", Laboratory.natPMP { $0[1] = 130 }, .wrongMapping),
    Hostile("about another port", Laboratory.natPMP { $0[9] = 0 }, .wrongMapping),
    Hostile("for no time", Laboratory.natPMP(lifetime: 0), .impossible),
    Hostile("with port 0", Laboratory.natPMP(port: 0), .impossible),
    Hostile("an address that nobody asked for", Laboratory.natPMPAddress(), .unexpected),
    Hostile("a mapping of PCP, which was refused", Laboratory.pcp(), .unexpected),
  ]

  @Test("counts an answer of NAT-PMP that is none, and believes the true one", arguments: hostileNATPMP)
  func hostileNATPMPAnswer(_ hostile: Hostile) {
    var laboratory = Laboratory()
    laboratory.leadToNATPMP()
    #expect(laboratory.receive(hostile.bytes, from: hostile.source) == nil)
    #expect(laboratory.core.faults[hostile.fault] == 1)
    #expect(laboratory.core.faults.total == 1)
    #expect(laboratory.core.grant == nil)
    let event = laboratory.receive(Laboratory.natPMP())
    #expect(event.map(laboratory.place) == Laboratory.outside)
  }

  @Test(
    "counts an outside address of NAT-PMP that cannot be one",
    arguments: [
      IPAddress.any(.v4), IPAddress(127, 0, 0, 1), IPAddress(224, 0, 0, 1), IPAddress(255, 255, 255, 255),
    ])
  func impossibleAddress(_ address: IPAddress) {
    var laboratory = Laboratory()
    _ = laboratory.requests()
    #expect(laboratory.receive(Laboratory.natPMPAddress(address)) == nil)
    #expect(laboratory.core.faults[.impossible] == 1)
  }

  @Test("believes no part of an answer that was cut, wherever")
  func cut() {
    for whole in [Laboratory.pcp(), Laboratory.pcp { $0 += [200, 0, 0, 4, 1, 2, 3, 4] }] {
      for length in whole.indices where length != 60 {
        var laboratory = Laboratory()
        #expect(laboratory.receive(Array(whole.prefix(length))) == nil)
        #expect(laboratory.core.faults.total == 1, "\(length) bytes")
        #expect(laboratory.core.grant == nil)
      }
    }
  }

  @Test("grants nothing to chance, in 50,000 answers without the nonce")
  func fuzz() {
    var random = SeededRandom(4)
    var laboratory = Laboratory()
    for round in 0..<50_000 {
      var bytes = Laboratory.pcp { $0[24] = 1 }
      if round % 2 == 0 { bytes = random.bytes(Int.random(in: 0...1200, using: &random)) }
      for _ in 0..<Int.random(in: 0...4, using: &random) where bytes.count > 36 {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        if !(24..<36).contains(place) { bytes[place] = random.next() }
      }
      _ = laboratory.receive(bytes)
      #expect(laboratory.core.winner != .pcp)
      // What says no for good has nothing left to confuse.
      if laboratory.core.hasEnded { laboratory = Laboratory() }
    }
  }

  @Test("believes nobody but the gateway that nothing has the port there")
  func unreachable() {
    var laboratory = Laboratory()
    laboratory.core.wasUnreachable(reportedBy: IPAddress(192, 168, 1, 9))
    #expect(!laboratory.core.hasEnded)
    #expect(laboratory.core.faults[.stranger] == 1)
    laboratory.core.wasUnreachable(reportedBy: Laboratory.gateway)
    #expect(laboratory.core.hasEnded)
  }
}

extension GatewayLaboratory {
  func place(_ event: PortMappingEvent) -> SocketAddress? {
    if case .granted(let grant) = event { grant.outside } else { nil }
  }
}

import TestSupport
import Testing
import Warren
import WarrenMachine
import WarrenSimulator
import WarrenTraversal

/// What both sides agree on, and its bytes.
struct SearchPlanTests {
  private static func sampled(_ configuration: NATConfiguration, addresses: Int = 1) -> PortModel {
    var nat = SampledNAT(configuration, addresses: addresses, foreignRate: 20, seed: 3)
    return PortModel(fitting: nat.samples())!
  }

  private static let models = [
    PortModel(), sampled(.preserving(.endpointIndependent)), sampled(.random(.addressDependent)),
    sampled(.sequential(.addressAndPortDependent, step: -3)),
    sampled(.sequential(.addressAndPortDependent).changed { $0.pooling = .arbitrary }, addresses: 2),
    sampled(.random(.addressAndPortDependent).changed { $0.portBlock = .init(size: 512) }),
  ]

  private func plan(_ model: PortModel = PortModel(), _ profile: SearchProfile = .normal) -> SearchPlan {
    SearchPlan(
      .birthday, opener: .proposer, profile: profile, model: model, seed: 0x1234_5678_9ABC_DEF0,
      localPort: 40_000, sampleAge: .milliseconds(120))
  }

  private func bytes(_ plan: SearchPlan) -> [UInt8] {
    [UInt8](rawCapacity: SearchPlan.encodedSize) { plan.encode(into: &$0) }
  }

  private func decoded(_ bytes: [UInt8]) -> SearchPlan? { SearchPlan(decoding: bytes.span.bytes) }

  @Test("a plan comes back from its bytes, and both sides have the same ports", arguments: 0..<6)
  func roundTrip(number: Int) throws {
    for profile in [SearchProfile.polite, .normal, .fast, .exhaustive] {
      let plan = plan(Self.models[number], profile)
      let bytes = bytes(plan)
      #expect(bytes.count == SearchPlan.encodedSize)
      let back = try #require(decoded(bytes))
      #expect(back == plan)
      var (mine, theirs) = (plan.ports(ownMappings: 3), back.ports(ownMappings: 3))
      #expect((0..<2000).allSatisfy { _ in mine.next() == theirs.next() })
    }
  }

  @Test("the layout is fixed")
  func layout() {
    let bytes = bytes(plan())
    #expect(SearchPlan.encodedSize == 155)
    #expect(Array(bytes[..<9]) == [1, 1, 0, 0, 200, 3, 232, 1, 64])
    // 500 packets, 2,000 probes, 2,500 ms.
    #expect(Array(bytes[9..<21]) == [0, 0, 1, 244, 0, 0, 7, 208, 0, 0, 9, 196])
    #expect(Array(bytes[21..<29]) == [0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE, 0xF0])
  }

  @Test("bytes of another length, version or meaning are no plan")
  func refusals() {
    let good = bytes(plan(Self.models[3]))
    for count in 0..<good.count { #expect(decoded(Array(good[..<count])) == nil) }
    #expect(decoded(good + [0]) == nil)
    func changed(_ place: Int, _ value: [UInt8]) -> SearchPlan? {
      var copy = good
      copy.replaceSubrange(place..<place + value.count, with: value)
      return decoded(copy)
    }
    #expect(changed(0, [2]) == nil, "version")
    #expect(changed(1, [4]) == nil, "method")
    #expect(changed(2, [2]) == nil, "opener")
    #expect(changed(3, [0, 0]) == nil && changed(3, [0x13, 0x89]) == nil, "rate")
    #expect(changed(5, [0, 0]) == nil && changed(5, [255, 255]) == nil, "rate")
    #expect(changed(7, [0, 0]) == nil && changed(7, [2, 1]) == nil, "sockets")
    #expect(changed(9, [0, 0, 0, 1]) == nil && changed(9, [255, 0, 0, 0]) == nil, "packets")
    #expect(changed(13, [0, 0, 0, 0]) == nil && changed(13, [255, 255, 255, 255]) == nil, "probes")
    #expect(changed(17, [255, 255, 255, 255]) == nil, "time")
    #expect(changed(33, [3]) == nil && changed(34, [3]) == nil, "mapping, addresses")
    #expect(changed(35, [0]) == nil && changed(35, [7]) == nil && changed(36, [1]) == nil, "rules")
    #expect(changed(47, [0, 0]) == nil, "share")
    #expect(changed(49, [3]) == nil && changed(50, [2]) == nil, "rule, address")
    #expect(changed(51, [0, 0]) == nil && changed(51, [128, 0]) == nil, "step")
    #expect(changed(53, [0, 0]) == nil && changed(53, [9, 0, 8, 0]) == nil, "range")
  }

  @Test("whatever bytes come, a plan is within the limits and its ports end or go on", arguments: 0..<4)
  func hostile(number: Int) {
    var random = SeededRandom(UInt64(number))
    let good = bytes(plan(Self.models[number + 1]))
    var accepted = 0
    for _ in 0..<1000 {
      var copy = good
      for _ in 0..<1 + random.next() % 3 {
        copy[Int(random.next() % UInt64(copy.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      guard let plan = decoded(copy) else { continue }
      accepted += 1
      let isWithin =
        plan.openRate <= SearchLimits.rate && plan.probeRate <= SearchLimits.rate
        && plan.sockets <= SearchLimits.sockets && plan.duration <= SearchLimits.duration
      #expect(isWithin)
      var ports = plan.ports()
      for _ in 0..<20 { _ = ports.next() }
      #expect(decoded(bytes(plan)) == plan)
    }
    #expect(accepted > 100)
  }

  @Test("nobody is made to do more than their own profile allows")
  func limited() {
    let theirs = plan(PortModel(), .exhaustive)
    let held = theirs.limited(to: .polite)
    #expect(held.openRate == 100 && held.probeRate == 250 && held.sockets == 320 && held.probes == 1000)
    #expect(held.duration == .seconds(4) && held.bytes == 67_200)
    #expect(plan().limited(to: .normal) == plan(), "what is within stays as it is")
  }

  @Test("own limits are held to what is sane")
  func profiles() {
    let profile = SearchProfile(
      openRate: 0, probeRate: 1_000_000, sockets: 100_000, probes: 1000, bytes: 4800,
      duration: .seconds(10_000))
    #expect(profile.openRate == 1 && profile.probeRate == SearchLimits.rate)
    #expect(profile.sockets == SearchLimits.sockets && profile.duration == SearchLimits.duration)
    #expect(profile.probes == 100, "4,800 bytes are 100 packets")
  }

  @Test("the opener opens all its sockets before it sends again from any")
  func schedule() {
    let plan = plan()
    #expect(plan.openerPacket(0) == .open(0) && plan.openerPacket(319) == .open(319))
    #expect(plan.openerPacket(320) == .again(0) && plan.openerPacket(499) == .again(179))
    #expect(plan.openerPacket(500) == nil && plan.openerPacket(-1) == nil)
    #expect(plan.openerTime(200) == .seconds(1))
    #expect(plan.bytes == 120_000)
  }
}

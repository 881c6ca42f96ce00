import TestSupport
import Testing
import Warren
import WarrenMachine
import WarrenSimulator
import WarrenTraversal

@testable import WarrenTraversal

/// In which order ports are tried.
struct PortSequenceTests {
  private func ports(_ model: PortModel, _ outlook: PortOutlook = PortOutlook(), seed: UInt64 = 1)
    -> PortSequence
  {
    var random = SeededRandom(seed)
    return PortSequence(model, outlook, using: &random)
  }

  private static let models: [PortModel] = [
    PortModel(), PortModel(mapping: .addressAndPortDependent, range: .linux),
    PortModel(mapping: .addressAndPortDependent, range: PortRange(20_480...20_991)),
    PortModel(mapping: .addressAndPortDependent, range: PortRange(65_535...65_535)),
    counting(step: 1), counting(step: -7),
  ]

  private static func counting(step: Int) -> PortModel {
    var nat = SampledNAT(.sequential(.addressAndPortDependent, step: step), foreignRate: 10, seed: 5)
    return PortModel(fitting: nat.samples())!
  }

  @Test("no pass has a port twice, each is wider, and the last has all 65,535", arguments: 0..<6)
  func passes(number: Int) {
    var sequence = ports(Self.models[number])
    var counts = [0]
    var seen = [Int](repeating: -1, count: 65_536)
    var repetitions = 0
    while let port = sequence.next() {
      if sequence.pass == counts.count { counts.append(0) }
      repetitions += seen[Int(port)] == sequence.pass ? 1 : 0
      seen[Int(port)] = sequence.pass
      counts[sequence.pass] += 1
    }
    #expect(repetitions == 0)
    #expect(counts.count == SearchLimits.passes)
    #expect(counts == counts.sorted())
    #expect(counts.last == 65_535)
  }

  @Test("the same model, outlook and generator give the same sequence; another generator another")
  func determinism() {
    var (one, same, other) = (ports(PortModel()), ports(PortModel()), ports(PortModel(), seed: 2))
    let first = (0..<3000).map { _ in one.next()! }
    #expect(first == (0..<3000).map { _ in same.next()! })
    #expect(first != (0..<3000).map { _ in other.next()! })
  }

  @Test(
    "a range is covered evenly from the first few hundred ports on", arguments: 1...20 as ClosedRange<UInt64>)
  func evenness(seed: UInt64) {
    var sequence = ports(PortModel(), seed: seed)
    var blocks = [Int](repeating: 0, count: 63)
    for _ in 0..<2000 { blocks[(Int(sequence.next()!) - 1024) / 1024] += 1 }
    // 31.7 in each on average; by chance the poorest of 63 would have 18.
    #expect(blocks.min()! >= 29 && blocks.max()! <= 35)
  }

  @Test("a block comes first, then what surrounds it")
  func widening() {
    let block = PortRange(20_480...20_991)
    var sequence = ports(PortModel(mapping: .addressAndPortDependent, range: block))
    #expect((0..<512).allSatisfy { _ in block.contains(sequence.next()!) })
    #expect(sequence.pass == 0)
    #expect((0..<1024).allSatisfy { _ in PortRange(20_224...21_247).contains(sequence.next()!) })
    #expect(sequence.pass == 1)
  }

  @Test("a counter goes on after our own mappings, and forward with others'")
  func outlook() {
    var nat = SampledNAT(.sequential(.addressAndPortDependent), seed: 9)
    let samples = nat.samples()
    let model = PortModel(fitting: samples)!
    let latest = samples.last!.outside.port
    var soon = ports(model)
    #expect(soon.next() == latest + 1)
    var afterOwn = ports(model, PortOutlook(ownMappings: 10))
    #expect(afterOwn.next() == latest + 11)

    var busy = SampledNAT(.sequential(.addressAndPortDependent), foreignRate: 35, seed: 9)
    let busySamples = busy.samples()
    var late = ports(PortModel(fitting: busySamples)!, PortOutlook(elapsed: .seconds(1)))
    let ahead = Int(late.next()! &- busySamples.last!.outside.port)
    #expect((10...70).contains(ahead))
  }

  /// How many probes it takes to meet the next mapping, so long after the last sample.
  private func probesNeeded(
    _ configuration: NATConfiguration, foreignRate: Double, after elapsed: Duration, seed: UInt64
  ) -> Int {
    var nat = SampledNAT(configuration, foreignRate: foreignRate, seed: seed)
    let samples = nat.samples()
    nat.wait(elapsed)
    let target = nat.open(33_333, to: SocketAddress(IPAddress(198, 18, 0, 1), port: 9))!.port
    // The last burst ended 46 ms before the wait began.
    let outlook = PortOutlook(
      elapsed: samples.last!.sent.duration(to: nat.now), localPort: 33_333, address: SampledNAT.outside[0])
    var sequence = ports(PortModel(fitting: samples)!, outlook)
    for probe in 1...4096 where sequence.next() == target { return probe }
    return .max
  }

  @Test(
    "the next port of a counter is among the first few probes",
    arguments: [(0, 50, 1), (10, 50, 6), (35, 50, 12), (35, 200, 24)])
  func prediction(foreignRate: Int, elapsed: Int, limit: Int) {
    for step in [1, 2, -1] {
      let needed = (1...300 as ClosedRange<UInt64>).map { seed in
        probesNeeded(
          .sequential(.addressAndPortDependent, step: step), foreignRate: Double(foreignRate),
          after: .milliseconds(elapsed), seed: seed)
      }.sorted()
      #expect(needed[296] <= limit, "99 of 100 within \(needed[296]), half within \(needed[150])")
    }
  }

  @Test("a kept port is the first probe")
  func preservation() {
    for seed in 1...100 as ClosedRange<UInt64> {
      #expect(
        probesNeeded(.preserving(.endpointIndependent), foreignRate: 35, after: .seconds(1), seed: seed) == 1)
    }
  }
}

@Suite("A walk through a range")
struct RangeWalkTests {
  @Test("gives each port of the wanted parity once, and none where there is none")
  func parity() {
    for range in [65_535...65_535, 65_534...65_535, 1...1, 1...2, 7...9] as [ClosedRange<UInt16>] {
      for parity in [nil, 0, 1] as [UInt16?] {
        var random = SeededChance(seed: 1)
        var walk = RangeWalk(PortRange(range), parity: parity, weight: 1, using: &random)
        var ports: [UInt16] = []
        while let port = walk.next() { ports.append(port) }
        #expect(ports.sorted() == range.filter { port in parity.map { port % 2 == $0 } ?? true })
      }
    }
  }
}

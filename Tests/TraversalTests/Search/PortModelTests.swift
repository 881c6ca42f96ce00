import TestSupport
import Testing
import Warren
import WarrenMachine
import WarrenSimulator
import WarrenTraversal

/// Which kind of NAT a few samples show.
struct PortModelTests {
  typealias Dependence = NATConfiguration.Dependence

  private func model(
    _ configuration: NATConfiguration, addresses: Int = 1, foreignRate: Double = 0, seed: UInt64,
    _ change: (inout [PortSample], inout SeededRandom) -> Void = { _, _ in }
  ) -> PortModel {
    var nat = SampledNAT(configuration, addresses: addresses, foreignRate: foreignRate, seed: seed)
    var samples = nat.samples()
    var random = SeededRandom(seed &+ 1000)
    change(&samples, &random)
    return PortModel(fitting: samples)!
  }

  /// How many of a hundred NATs are not recognised.
  private func failures(
    _ configuration: NATConfiguration, as mapping: NATKind.Dependence, _ allocation: NATKind.Allocation,
    addresses: Int = 1, foreignRate: Double = 0,
    _ change: (inout [PortSample], inout SeededRandom) -> Void = { _, _ in }
  ) -> Int {
    (1...100).filter { seed in
      let kind = model(
        configuration, addresses: addresses, foreignRate: foreignRate, seed: UInt64(seed), change
      ).kind()
      return kind != NATKind(mapping: mapping, allocation: allocation)
    }.count
  }

  @Test(
    "NATs that keep ports show one port to all, whatever their mapping depends on",
    arguments: Dependence.allCases)
  func preserving(mapping: Dependence) {
    #expect(failures(.preserving(mapping), as: .endpointIndependent, .preserving) == 0)
  }

  @Test(
    "counters are recognised with their step, however many mappings others open",
    arguments: Dependence.allCases, [0, 10, 35] as [Double])
  func sequential(mapping: Dependence, foreignRate: Double) {
    for step in foreignRate == 35 ? [1, 2, 5, -1] : [1] {
      let failures = failures(
        .sequential(mapping, step: step), as: mapping.asKind, .sequential(step: step),
        foreignRate: foreignRate)
      #expect(failures == 0, "step \(step)")
    }
  }

  @Test("random ports are recognised with what the mapping depends on", arguments: Dependence.allCases)
  func random(mapping: Dependence) {
    for seed in 1...100 as ClosedRange<UInt64> {
      let kind = model(.random(mapping), foreignRate: 35, seed: seed).kind()
      #expect(kind.mapping == mapping.asKind)
      guard case .random = kind.allocation else {
        Issue.record("\(kind)")
        continue
      }
    }
  }

  @Test(
    "the range of random ports is recognised",
    arguments: [PortRange.unreserved, .linux, .dynamic])
  func range(range: PortRange) {
    let configuration = NATConfiguration.random(.addressAndPortDependent, range.lower...range.upper)
    #expect(failures(configuration, as: .addressAndPortDependent, .random(range)) == 0)
  }

  @Test("a carrier's block is recognised with its size and place", arguments: [128, 512, 2048, 4096])
  func block(size: Int) {
    let recognised = (1...100 as ClosedRange<UInt64>).filter { seed in
      let configuration = NATConfiguration.random(.addressAndPortDependent).changed {
        $0.portBlock = .init(size: size)
      }
      var nat = SampledNAT(configuration, seed: seed)
      let samples = nat.samples()
      let kind = PortModel(fitting: samples)!.kind()
      guard case .random(let range) = kind.allocation else { return false }
      let first = Int(samples[0].outside.port) / size * size
      return Int(range.lower) == max(1, first) && Int(range.upper) == first + size - 1
    }
    // All twelve lie in one half of the block once in 2,048 times.
    #expect(recognised.count >= 99)
  }

  @Test("parity that is kept is noticed")
  func parity() {
    let configuration = NATConfiguration.random(.addressAndPortDependent).changed { $0.keepsParity = true }
    let noticed = (1...100 as ClosedRange<UInt64>).filter {
      model(configuration, seed: $0).rules[0].rule == .range(.unreserved, keepsParity: true)
    }
    #expect(noticed.count >= 99)
  }

  @Test("ports at a fixed distance from the inside port are as good as kept ones")
  func offset() {
    let local: [UInt16] = [40_000, 41_234, 50_123, 60_000]
    let samples = SampledNAT.servers.flatMap { server in
      local.map {
        PortSample(
          localPort: $0, outside: SocketAddress(SampledNAT.outside[0], port: $0 &+ 10_000), remote: server,
          sent: Instant(nanoseconds: 0))
      }
    }
    let model = PortModel(fitting: samples)!
    #expect(model.rules[0].rule == .offset(10_000))
    #expect(model.kind().allocation == .preserving)
    var random = SeededRandom(1)
    var ports = PortSequence(model, PortOutlook(localPort: 60_000), using: &random)
    #expect(ports.next() == 4464)
  }

  // MARK: Samples that are not what they should be

  private static let cases: [(NATConfiguration, NATKind.Dependence, NATKind.Allocation)] = [
    (.preserving(.endpointIndependent), .endpointIndependent, .preserving),
    (.sequential(.endpointIndependent), .endpointIndependent, .sequential(step: 1)),
    (.sequential(.addressDependent), .addressDependent, .sequential(step: 1)),
    (.sequential(.addressAndPortDependent), .addressAndPortDependent, .sequential(step: 1)),
    (.random(.addressAndPortDependent), .addressAndPortDependent, .random(.unreserved)),
  ]

  @Test("samples in another order are no different", arguments: 0..<5)
  func reordered(number: Int) {
    let (configuration, mapping, allocation) = Self.cases[number]
    let failures = failures(configuration, as: mapping, allocation, foreignRate: 10) { samples, random in
      samples.shuffle(using: &random)
    }
    #expect(failures == 0)
  }

  @Test("packets that overtake each other on the way to the NAT are forgiven", arguments: 0..<5)
  func overtaking(number: Int) {
    let (configuration, mapping, allocation) = Self.cases[number]
    let failures = failures(configuration, as: mapping, allocation, foreignRate: 10) { samples, _ in
      for place in [1, 5, 9] {
        let time = samples[place].sent
        samples[place].sent = samples[place + 1].sent
        samples[place + 1].sent = time
      }
    }
    #expect(failures == 0)
  }

  @Test("a quarter of the samples may be lost", arguments: 0..<5)
  func lost(number: Int) {
    let (configuration, mapping, allocation) = Self.cases[number]
    let failures = failures(configuration, as: mapping, allocation, foreignRate: 10) { samples, random in
      for _ in 0..<3 { samples.remove(at: Int(random.next() % UInt64(samples.count))) }
    }
    // Four mappings do not always show which way a counter goes; but they are endpoint-independent, and nobody
    // needs the next one.
    #expect(failures <= (mapping == .endpointIndependent ? 6 : 1))
  }

  @Test("one sample may have clashed", arguments: 0..<5)
  func strayed(number: Int) {
    let (configuration, mapping, allocation) = Self.cases[number]
    let failures = failures(configuration, as: mapping, allocation, foreignRate: 10) { samples, random in
      samples[Int(random.next() % UInt64(samples.count))].outside.port = UInt16(1024 + random.next() % 64_000)
    }
    #expect(failures <= 1)
  }

  @Test("two outside addresses have a counter each")
  func pooled() {
    let configuration = NATConfiguration.sequential(.addressAndPortDependent).changed {
      $0.pooling = .arbitrary
    }
    let failures = failures(
      configuration, as: .addressAndPortDependent, .sequential(step: 1), addresses: 2, foreignRate: 10)
    #expect(failures <= 1)
    let model = model(configuration, addresses: 2, seed: 3)
    let addresses = model.rules.prefix(2).map { weighted in
      guard case .counter(let counter) = weighted.rule else { return -1 }
      return counter.address
    }
    #expect(addresses.sorted() == [0, 1])
  }

  @Test("no samples, no model; one sample, some model")
  func few() {
    #expect(PortModel(fitting: []) == nil)
    let sample = PortSample(
      localPort: 5000, outside: SocketAddress(SampledNAT.outside[0], port: 5000),
      remote: SampledNAT.servers[0],
      sent: Instant(nanoseconds: 0))
    #expect(PortModel(fitting: [sample])?.kind().allocation == .preserving)
  }

  @Test("a model says in words what it knows")
  func words() {
    let model = model(.sequential(.addressAndPortDependent, step: 2), seed: 1)
    #expect(model.confidence > 0.9)
    #expect(
      model.description.hasPrefix(
        "a new outside port for each remote address and port, each 2 above the one before; others open "))
  }
}

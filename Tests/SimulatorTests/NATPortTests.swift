import Testing
import WarrenMachine
import WarrenSimulator

/// RFC 4787, REQ-3 and 4, and carriers' blocks (X4): which outside port a mapping gets.
struct NATPortTests {
  typealias Configuration = NATConfiguration

  /// The outside ports of so many flows of one host.
  private func ports(_ configuration: Configuration, count: Int, seed: UInt64 = 1) -> [Int] {
    var laboratory = NATLaboratory(configuration, seed: seed)
    return (0..<count).compactMap { number in
      laboratory.send(NATLaboratory.x1.port(UInt16(1024 + number)), to: y1).map { Int($0.port) }
    }
  }

  @Test("ports are kept by those that keep them")
  func preservation() {
    #expect(ports(.portRestrictedCone, count: 50) == Array(1024..<1074))
    #expect(ports(.symmetric, count: 50) != Array(1024..<1074))
  }

  /// Whether X1:5000 and X2:5000 share an outside port towards two remote ends.
  private func overloads(_ configuration: Configuration) -> Bool {
    var laboratory = NATLaboratory(configuration)
    let first = laboratory.send(x1, to: y1)
    let second = laboratory.send(x2, to: z1)
    #expect(first != nil && second != nil)
    return first == second
  }

  @Test("two inside sockets never share an outside port, unless ports are overloaded")
  func overloading() {
    #expect(!overloads(.portRestrictedCone))
    #expect(!overloads(.symmetric))
    #expect(overloads(.linuxMasquerade(input: .drop)))
  }

  @Test("on collision the second host gets another port, and both get their answers")
  func collision() {
    var laboratory = NATLaboratory(.portRestrictedCone)
    let first = laboratory.send(x1, to: y1)!
    let second = laboratory.send(x2, to: y1)!
    #expect(first.port == 5000)
    #expect(second.port != 5000)
    #expect(laboratory.answer(y1, to: first) == x1)
    #expect(laboratory.answer(y1, to: second) == x2)
  }

  @Test("overloaded ports are told apart by the remote end, and move where they cannot be")
  func overloadedAnswers() {
    var laboratory = NATLaboratory(.linuxMasquerade(input: .drop))
    let first = laboratory.send(x1, to: y1)!
    let second = laboratory.send(x2, to: z1)!
    let third = laboratory.send(x2, to: y1)!
    #expect(laboratory.answer(y1, to: first) == x1)
    #expect(laboratory.answer(z1, to: second) == x2)
    #expect(third.port != 5000)
    #expect(laboratory.answer(y1, to: third) == x2)
  }

  /// Where Z sees X2 when X1 has X2's port towards Y, and what X2 has there.
  private func places(_ configuration: Configuration) -> (towardY: SocketAddress?, towardZ: SocketAddress?) {
    var laboratory = NATLaboratory(configuration)
    laboratory.send(x1, to: y1)
    return (laboratory.send(x2, to: y1), laboratory.send(x2, to: z1))
  }

  @Test("a socket that had to move stays where it is towards others, if its NAT repeats ports")
  func repeatedPort() {
    let linux = NATConfiguration.linuxMasquerade(input: .drop)
    let stays = places(linux)
    #expect(stays.towardY?.port != 5000)
    #expect(stays.towardZ == stays.towardY)
    let returns = places(linux.changed { $0.repeatsPort = false })
    #expect(returns.towardY?.port != 5000)
    #expect(returns.towardZ?.port == 5000)
    #expect(places(.linuxMasqueradeRandom(input: .drop)).towardZ?.port != 5000)
  }

  @Test("the port of the latest flow is repeated, as long as that is there and its port is free")
  func latestPort() {
    var laboratory = NATLaboratory(.linuxMasquerade(input: .accept))
    #expect(laboratory.send(x2, to: y2)?.port == 5000)
    laboratory.send(x1, to: y1)
    let moved = laboratory.send(x2, to: y1)!
    #expect(moved.port != 5000)
    // A stranger takes it at Z's second port alone.
    let z2 = NATLaboratory.z.port(2222)
    laboratory.answer(z2, to: moved)
    #expect(laboratory.send(x2, to: z2)?.port == 5000)
    // That is its latest now; where all have ended, its own port is the first to be tried.
    #expect(laboratory.send(x2, to: z1)?.port == 5000)
    laboratory.wait(.seconds(31))
    #expect(laboratory.nat.isEmpty)
    #expect(laboratory.send(x2, to: y1)?.port == 5000)
  }

  /// Whether a low inside port has a low outside port.
  private func keepsClass(_ configuration: Configuration) -> Bool {
    var laboratory = NATLaboratory(configuration)
    return (1..<200).allSatisfy { laboratory.send(NATLaboratory.x1.port($0), to: y1)!.port < 1024 }
  }

  @Test("ports below 1024 stay below 1024")
  func portClass() {
    #expect(keepsClass(.symmetric))
    #expect(!keepsClass(.symmetric.changed { $0.keepsPortClass = false }))
    #expect(ports(.symmetric, count: 500).allSatisfy { $0 >= 1024 })
  }

  /// The chi-square of ports over 64 equal parts of the range.
  private func unevenness(_ ports: [Int]) -> Double {
    var counts = [Double](repeating: 0, count: 64)
    for port in ports { counts[(port - 1024) * 64 / 64_512] += 1 }
    let expected = Double(ports.count) / 64
    return counts.map { ($0 - expected) * ($0 - expected) / expected }.reduce(0, +)
  }

  @Test("random ports are spread evenly, sequential ones are not", arguments: [1, 2, 3] as [UInt64])
  func randomPorts(seed: UInt64) {
    // 63 degrees of freedom: 120 is exceeded once in 50,000 times.
    #expect(unevenness(ports(.symmetric, count: 4000, seed: seed)) < 120)
    #expect(unevenness(ports(.symmetricSequential, count: 4000, seed: seed)) > 1000)
  }

  @Test("sequential ports advance by their step, others' flows in between", arguments: [1, 2, 7])
  func sequentialPorts(step: Int) {
    let configuration = NATConfiguration.symmetricSequential.changed {
      $0.portChoice = .sequential(step: step)
    }
    let alone = ports(configuration, count: 100)
    let steps = zip(alone, alone.dropFirst()).filter { $1 - $0 == step }.count
    // Once around the range at most.
    #expect(steps >= 98)

    var laboratory = NATLaboratory(configuration)
    let before = Int(laboratory.send(x1, to: y1)!.port)
    for number in 0..<5 { laboratory.send(x2, to: NATLaboratory.z.port(UInt16(100 + number))) }
    let after = Int(laboratory.send(x1, to: y2)!.port)
    #expect((after - before + 64_512) % 64_512 == 6 * step)

    let random = ports(.symmetric, count: 100)
    #expect(zip(random, random.dropFirst()).filter { $1 - $0 == step }.count < 5)
  }

  @Test("sequential ports wrap around within their range, and skip what is taken")
  func sequentialWraps() {
    let configuration = NATConfiguration.symmetricSequential.changed {
      $0.ports = 2000...2009
      $0.portChoice = .sequential(step: 4)
    }
    let found = ports(configuration, count: 12)
    #expect(Set(found) == Set(2000...2009))
    #expect(found.count == 10)
  }

  @Test("ports stay in their range", arguments: [32_768...60_999, 49_152...65_535] as [ClosedRange<UInt16>])
  func range(_ range: ClosedRange<UInt16>) {
    func staysWithin(_ configuration: Configuration) -> Bool {
      ports(configuration, count: 500).allSatisfy { range.contains(UInt16($0)) }
    }
    #expect(staysWithin(.symmetric.changed { $0.ports = range }))
    #expect(!staysWithin(.symmetric))
  }

  // MARK: REQ-4

  private func keepsParity(_ configuration: Configuration) -> Bool {
    ports(configuration, count: 200).enumerated().allSatisfy { $0 % 2 == $1 % 2 }
  }

  @Test("even ports stay even and odd ones odd", arguments: [Configuration.symmetric, .symmetricSequential])
  func parity(_ base: Configuration) {
    #expect(keepsParity(base.changed { $0.keepsParity = true }))
    #expect(!keepsParity(.symmetric))
  }

  private func keepsContiguity(_ configuration: Configuration) -> Bool {
    let found = ports(configuration, count: 200)
    return stride(from: 0, to: 200, by: 2).allSatisfy { found[$0] + 1 == found[$0 + 1] }
  }

  @Test("a port pair of RTP and RTCP stays a pair")
  func contiguity() {
    // So few ports that a pair often finds its second half taken, unless it looks before.
    let cone = NATConfiguration.symmetric.changed {
      $0.mapping = .endpointIndependent
      $0.ports = 2000...2399
    }
    #expect(keepsContiguity(cone.changed { $0.keepsContiguity = true }))
    #expect(!keepsContiguity(cone))
  }

  // MARK: X4

  /// The aligned blocks that the ports of one host come from.
  private func blocks(_ configuration: Configuration, of size: Int) -> Set<Int> {
    Set(ports(configuration, count: 300).map { $0 / size })
  }

  @Test("a carrier's customer has its ports from one aligned block", arguments: [512, 1024, 4096])
  func blocks(size: Int) {
    let carrier = NATConfiguration.carrierGrade.changed { $0.portBlock = .init(size: size) }
    #expect(blocks(carrier, of: size).count == 1)
    #expect(blocks(carrier.changed { $0.portBlock = nil }, of: size).count > 1)
  }

  @Test("no two customers have one block, and a full block means no more ports")
  func blocksAreExclusive() {
    let configuration = NATConfiguration.carrierGrade.changed {
      $0.portBlock = .init(size: 512)
      $0.ports = 1024...2047
      $0.mappingLimitPerHost = nil
    }
    var laboratory = NATLaboratory(configuration)
    let first = laboratory.send(x1, to: y1)!.port / 512
    let second = laboratory.send(x2, to: y1)!.port / 512
    #expect(Set([first, second]) == [2, 3])
    #expect(laboratory.send(NATLaboratory.x1.advanced(by: 7).port(5000), to: y1) == nil)
    #expect(laboratory.drop == .portsExhausted)
    for number in 1..<512 { laboratory.send(NATLaboratory.x1.port(UInt16(6000 + number)), to: y1) }
    #expect(laboratory.drop == nil)
    #expect(laboratory.send(NATLaboratory.x1.port(9999), to: y1) == nil)

    // With the last mapping the block goes back, and another customer gets it.
    laboratory.wait(.seconds(66))
    #expect(laboratory.nat.hostCount == 0)
    #expect(laboratory.send(NATLaboratory.x1.advanced(by: 7).port(5000), to: y1) != nil)
  }

  @Test("a second block is given when the first is full, if customers may have two")
  func secondBlock() {
    let configuration = NATConfiguration.carrierGrade.changed {
      $0.portBlock = .init(size: 128, perHost: 2)
      $0.mappingLimitPerHost = nil
    }
    let found = ports(configuration, count: 300)
    #expect(found.count == 256)
    #expect(Set(found.map { $0 / 128 }).count == 2)
  }
}

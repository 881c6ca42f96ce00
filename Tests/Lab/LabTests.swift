import Glibc
import TestSupport
import Testing
import WarrenMachine
import WarrenSimulator

/// A NAT model is believed when it does what a real one does.
@Suite("The simulated NAT beside the kernel's", .serialized, .needsNamespaces)
struct LabTests {
  static let inputs: [NATConfiguration.Unsolicited] = [.drop, .reject, .accept]
  /// How many random scripts for each profile: `make lab` wants more.
  static let scriptCount = getenv("WARREN_LAB_SCRIPTS").flatMap { Int(String(cString: $0)) } ?? 40

  /// Runs scripts in both worlds.
  private func compare(
    _ scripts: [PacketScript], _ profile: Profile, _ input: NATConfiguration.Unsolicited,
    settings: [String: Int] = [:], _ change: (inout NATConfiguration) -> Void = { _ in }
  ) async throws -> Comparison {
    let recorders = try await awaitThread { () -> [Recorder] in
      let network = try KernelNetwork(rules: profile.rules(input), settings: settings)
      let run = try KernelRun(profile, in: network)
      return try scripts.map { try run.run($0) }
    }
    let configuration = profile.configuration(input).changed(change)
    var comparison = Comparison()
    for (script, kernel) in zip(scripts, recorders) {
      let simulated = try await SimulatedRun.run(
        script, profile, configuration, at: kernel.sightings.map(\.sentAt))
      comparison.add(script, profile, input, kernel: kernel, simulated: simulated)
    }
    return comparison
  }

  @Test("passes the same packets from the same kinds of ports in random scripts", arguments: Profile.allCases)
  func random(_ profile: Profile) async throws {
    var comparison = Comparison()
    for (index, input) in LabTests.inputs.enumerated() {
      let seeds = stride(from: index + 1, through: LabTests.scriptCount, by: LabTests.inputs.count)
      let scripts = seeds.map { PacketScript(seed: UInt64($0), for: profile) }
      comparison.add(try await compare(scripts, profile, input))
    }
    print(comparison.summary(of: profile))
    for difference in comparison.differences.prefix(3) { Issue.record(Comment(rawValue: difference)) }
    let differences = comparison.differences.count
    #expect(differences == 0)
    #expect(comparison.scripts > 0)
    #expect(comparison.spoilt <= 1 + LabTests.scriptCount / 50, "chance alone spoils fewer")
    // Of 64,512 ports one is the inside's.
    #expect(comparison.drawnAndKept <= 3)
    #expect(!profile.drawsPorts || comparison.drawn > comparison.scripts)
  }

  @Test("is the same in these cases", arguments: NamedScript.quick)
  func quick(_ script: NamedScript) async throws {
    try await check(script)
  }

  @Test("forgets at the same time")
  func slow() async throws {
    try await withThrowingTaskGroup { group in
      for script in NamedScript.slow {
        group.addTask {
          try await check(
            script, settings: ["nf_conntrack_udp_timeout": 1, "nf_conntrack_udp_timeout_stream": 3]
          ) {
            $0.lifetimes.udpUnreplied = .seconds(1)
            $0.lifetimes.udp = .seconds(3)
          }
        }
      }
      for try await _ in group {}
    }
  }

  private func check(
    _ named: NamedScript, settings: [String: Int] = [:],
    _ change: (inout NATConfiguration) -> Void = { _ in }
  ) async throws {
    let script = PacketScript(steps: named.steps)
    let comparison = try await compare(
      [script], named.profile, named.input,
      settings: Dictionary(uniqueKeysWithValues: settings.map { ("netfilter/\($0)", $1) }), change)
    for difference in comparison.differences {
      Issue.record(Comment(rawValue: "\(named.name): \(difference)"))
    }
    // On a computer that was too busy the packets came late, in both worlds; and once in 10,000 times chance spoils one.
    if comparison.isPunctual, comparison.spoilt == 0 {
      #expect(comparison.lasts == [named.last], "\(named.name)")
    }
  }
}

extension Trait where Self == ConditionTrait {
  /// Where network namespaces can be made.
  static var needsNamespaces: Self {
    let obstacle = NetworkNamespace.obstacle
    return .enabled(if: obstacle == nil, Comment(rawValue: "skipped, because \(obstacle ?? "")"))
  }
}

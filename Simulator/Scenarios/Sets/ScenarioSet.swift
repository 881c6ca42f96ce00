import Warren
import WarrenSimulator

/// Scenarios that follow from one rule.
public struct ScenarioSet: Sendable {
  /// What it is called.
  public var name: String
  /// Its scenarios; each has a name of its own.
  public var scenarios: [Scenario]

  /// All that there are.
  public static let all = [switch18, ladder]

  /// The one of this name.
  public init?(named name: String) {
    guard let set = Self.all.first(where: { $0.name == name }) else { return nil }
    self = set
  }

  init(_ name: String, _ scenarios: [Scenario]) { (self.name, self.scenarios) = (name, scenarios) }

  /// A machine leaves its network for another during a connection, as in iroh's tests: the one that calls or the one that is called, of
  /// IPv4, IPv6 or both, to each of these.
  static let switch18 = ScenarioSet(
    "switch-18",
    ["alice", "bob"].flatMap { mover in
      Uplink.allCases.flatMap { from in Uplink.allCases.map { to in uplink(of: mover, from: from, to: to) } }
    })

  /// Nine networks, each worse than the one before, at one side or the other: as in iroh's tests, and three with losses in bursts.
  static let ladder = ScenarioSet(
    "ladder",
    ["alice", "bob"].flatMap { name in
      rungs.enumerated().map { rung, link in
        Scenario("ladder-\(name)-\(rung)", why: "A network gets worse and worse: where does it end?") {
          Machine("alice").linked(name == "alice" ? link : .ideal).behind(.portRestrictedCone)
          Machine("bob").linked(name == "bob" ? link : .ideal).behind(.portRestrictedCone)
        } timeline: {
          Step.connect("alice", to: "bob", talking: .bytes(20_000))
        } expecting: {
          Expectation.connection("alice", to: "bob", .init(within: .seconds(20 + 10 * rung)))
        }
      }
    })

  private enum Uplink: String, CaseIterable {
    case v4, v6, both

    /// A network of this kind, in which somebody is already.
    func network(_ name: String, with machine: Node? = nil) -> Node {
      let families: [IPAddress.Family] = self == .v4 ? [.v4] : self == .v6 ? [.v6] : [.v4, .v6]
      func speaking(_ node: Node) -> Node {
        families.count == 2 ? node.speaking(.v4, .v6) : node.speaking(families[0])
      }
      return NAT(name, self == .v6 ? .firewall : .portRestrictedCone) {
        if let machine { speaking(machine) }
        speaking(Machine("somebody in \(name)"))
      }
    }
  }

  private static func uplink(of mover: String, from: Uplink, to: Uplink) -> Scenario {
    let other = mover == "alice" ? "bob" : "alice"
    var scenario = Scenario(
      "switch-\(mover)-\(from)-\(to)",
      why: "Somebody goes from one network to another, which may speak something else."
    ) {
      from.network("first network", with: Machine(mover))
      to.network("second network")
      Server(other).behind(.portRestrictedCone)
    } timeline: {
      Step.connect("alice", to: "bob", talking: .lasting(.seconds(30)))
      Step(at: .seconds(10), .roam(mover, behind: "second network", gap: .milliseconds(200)))
    } expecting: {
      Expectation.connection(
        "alice", to: "bob", .init(within: .seconds(1), over: .direct, silence: .seconds(5)))
    }
    for name in ["first network", "second network"] { scenario.programs["somebody in \(name)"] = .nothing }
    return scenario
  }

  private static let rungs: [LinkConfiguration] =
    [(10, 5, 0.005), (100, 30, 0.03), (200, 60, 0.05), (300, 80, 0.08), (500, 100, 0.12), (800, 200, 0.2)]
    .map { latency, jitter, loss in
      var link = LinkConfiguration(latency: .milliseconds(latency))
      (link.jitter, link.loss) = (.milliseconds(jitter), loss)
      link.reordering = loss < 0.01 ? 0 : loss
      return link
    }
    + [(200, 0.1, 2), (400, 0.2, 3), (800, 0.25, 4)].map { latency, loss, burst in
      // In a burst everything is lost: so many packets, of which so many are lost in all.
      var link = LinkConfiguration(latency: .milliseconds(latency))
      let ends = 1 / Double(burst)
      link.burstLoss = LinkConfiguration.BurstLoss(begins: ends * loss / (1 - loss), ends: ends)
      return link
    }
}

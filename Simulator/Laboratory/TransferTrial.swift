import Warren
import WarrenSimulator

/// A transfer over QUIC through bad weather, in a simulated internet or over loopback, and how it went.
public struct TransferTrial: Sendable, CustomStringConvertible {
  /// What is between the two.
  public var weather: Weather
  /// Where the client stands in the simulated internet.
  public var place = Place.public
  /// What they speak.
  public var family = IPAddress.Family.v4
  /// How many bytes go there and back, on all streams together.
  public var bytes = 300_000
  /// On how many streams.
  public var streams = 3
  /// After how long both sides know that the other is gone.
  public var idleTimeout: Duration = .seconds(30)
  /// How long it may take: who has not ended by then hangs.
  public var limit: Duration = .seconds(300)

  /// A trial of a weather.
  public init(_ weather: Weather, _ change: (inout TransferTrial) -> Void = { _ in }) {
    self.weather = weather
    change(&self)
  }

  /// Every weather, and some of them over IPv6 and from behind a NAT.
  public static let all: [TransferTrial] =
    Weather.all.map { weather in
      TransferTrial(weather) { if weather.vanishes { $0.idleTimeout = .seconds(5) } }
    } + [
      TransferTrial(.migrating) { $0.place = .portRestricted },
      TransferTrial(.everything) { $0.family = .v6 },
    ]

  /// `everything`, `everything, IPv6`, `migrating, port-restricted`.
  public var description: String {
    weather.name + (family == .v6 ? ", IPv6" : "") + (place.boxes.isEmpty ? "" : ", \(place)")
  }

  /// How a transfer went.
  public struct Outcome: Hashable, Sendable {
    /// How long it took on the client's clock.
    public var time: Duration = .zero
    /// How many datagrams were sent, and how many of them came back.
    public var datagramsSent = 0
    public var datagramsBack = 0
    /// What the storm has done.
    public var storm = Storm.Counters()
    /// What was not as it should be, if anything.
    public var failure: String?
  }

  /// Tries it in a world of this seed.
  public func run(seed: UInt64) async -> Outcome {
    var configuration = World.Configuration()
    configuration.keptEvents = 0
    var place = place
    place.families = [family]
    let world = World(seed: seed, configuration: configuration) {
      place.node("alice")
      Server("storm")
      Server("bob")
    }
    do {
      var outcome = try await world.run { world in
        func site(_ name: String) -> Transfer.Site {
          let machine = world.machine(name)
          return Transfer.Site(machine: machine, ip: machine.address(family))
        }
        return try await run(alice: site("alice"), storm: site("storm"), bob: site("bob"))
      }
      // What fits into a socket's buffer is lost nowhere else there.
      let isLossless = !weather.loses && bytes < QUICLimits.socketBytes
      if outcome.failure == nil, isLossless, outcome.datagramsBack < outcome.datagramsSent {
        outcome.failure = "\(outcome.datagramsBack) of \(outcome.datagramsSent) datagrams came back"
      }
      return outcome
    } catch {
      return Outcome(failure: "\(error)")
    }
  }

  /// Tries it on this machine, over loopback.
  public func runLocally() async -> Outcome {
    let machines = ["alice", "storm", "bob"].map { LocalMachine(name: $0) }
    let sites = machines.map { Transfer.Site(machine: $0, ip: .loopback(family)) }
    var outcome: Outcome
    do {
      outcome = try await run(alice: sites[0], storm: sites[1], bob: sites[2])
    } catch {
      outcome = Outcome(failure: "\(error)")
    }
    for machine in machines { await machine.close() }
    return outcome
  }

  /// Whoever hangs must not hang this too: so nobody waits for a transfer longer than it may take.
  private func run(alice: Transfer.Site, storm: Transfer.Site, bob: Transfer.Site) async throws -> Outcome {
    let transfer = try Transfer(self, alice: alice, storm: storm, bob: bob)
    let machine = alice.machine
    let outcome = try await machine.run("a trial") {
      try await machine.suspend({ "the end of a transfer" }) { wait in
        let timer = machine.makeTimer { wait.succeed(late([alice, storm, bob])) }
        timer.schedule(at: machine.now.advanced(by: limit))
        wait.onEnd = { timer.cancel() }
        machine.spawn("a transfer") {
          do { wait.succeed(try await transfer.run()) } catch {
            wait.succeed(Outcome(failure: "\(error)"))
          }
        }
      }
    }
    await transfer.close()
    return outcome
  }

  private func late(_ sites: [Transfer.Site]) -> Outcome {
    let culprits = sites.map(\.machine).flatMap { machine in
      machine.waits.waiting.map { "\(machine.name) waits for \($0)" }
        + machine.waits.runningTasks.map { "\(machine.name) has not ended \($0)" }
    }
    return Outcome(failure: "it has not ended after \(limit): \(culprits.joined(separator: ", "))")
  }
}

import TestSupport
import WarrenMachine
import WarrenSimulator

/// Runs a script in a world of the simulator's.
enum SimulatedRun {
  /// - Parameter times: when the kernel was given its packets: the simulator is given them then.
  static func run(
    _ script: PacketScript, _ profile: Profile, _ configuration: NATConfiguration, at times: [Duration]
  ) async throws -> Recorder {
    var settings = World.Configuration()
    settings.access = .ideal
    let world = World(seed: script.seed, configuration: settings) {
      // In this order the addresses are those of the kernel's network.
      NAT("box", configuration) {
        Machine("x1")
        Machine("x2")
      }
      Machine("y")
      Machine("z")
    }
    return try await world.run { world in
      for host in Host.allCases { precondition(world.machine("\(host)").address() == host.address) }
      precondition(world.box("box").outsideAddress == Host.box)
      var probes: [Probe] = []
      for player in Player.allCases {
        let probe = Probe(on: world.machine("\(player.host)"))
        try await probe.bind(player.address(in: profile))
        probes.append(probe)
      }
      var counts = probes.map { _ in 0 }
      var failureCounts = counts
      let clock = world.machine("x1")
      let start = clock.now
      var recorder = Recorder(profile)
      for (index, step) in script.steps.enumerated() {
        guard let (sender, destination) = recorder.packet(of: step) else {
          recorder.note(Sighting(), of: step)
          continue
        }
        // Whatever happens at once in a world is over a microsecond later.
        try await clock.sleep(until: start.advanced(by: times[index]))
        try await probes[Int(sender.rawValue)].send([UInt8(truncatingIfNeeded: index)], to: destination)
        try await clock.sleep(for: .microseconds(1))
        var sighting = Sighting()
        for player in Player.allCases {
          let place = Int(player.rawValue)
          let received = await probes[place].received
          sighting.arrivals += received[counts[place]...].map { (player, $0.from) }
          counts[place] = received.count
          let failures = await probes[place].failures.count
          if failures > failureCounts[place] { sighting.isRefused = true }
          failureCounts[place] = failures
        }
        recorder.note(sighting, of: step)
      }
      return recorder
    }
  }
}

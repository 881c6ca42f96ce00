import WarrenMachine
import WarrenSimulator

/// What scripts have come to in both worlds.
struct Comparison: Sendable {
  private(set) var scripts = 0
  private(set) var steps = 0
  /// Scripts in which a drawn port happened to be another's, so that they say nothing.
  private(set) var spoilt = 0
  private(set) var differences: [String] = []
  private(set) var drawn = 0
  private(set) var drawnAndKept = 0
  /// What became of each script's last packet, where both worlds agree.
  private(set) var lasts: [String] = []
  /// Whether no packet was sent later than those who have written scripts leave room for.
  private(set) var isPunctual = true

  mutating func add(
    _ script: PacketScript, _ profile: Profile, _ input: NATConfiguration.Unsolicited, kernel: Recorder,
    simulated: Recorder
  ) {
    if kernel.isSpoilt || simulated.isSpoilt {
      spoilt += 1
      return
    }
    scripts += 1
    isPunctual = isPunctual && kernel.isPunctual(in: script)
    for recorder in [kernel, simulated] {
      drawn += recorder.drawn
      drawnAndKept += recorder.drawnAndKept
    }
    let pairs = Array(zip(kernel.outcomes, simulated.outcomes))
    steps += pairs.count
    guard let place = pairs.firstIndex(where: { $0 != $1 }) else {
      lasts.append(kernel.outcomes.last.map { "\($0)" } ?? "")
      return
    }
    var lines = [
      "\(profile.rawValue), input \(input), seed \(script.seed), step \(place): the kernel and the simulator differ"
    ]
    for index in 0...place {
      let step = "    \(script.steps[index]),"
      let padding = String(repeating: " ", count: max(1, 58 - step.count))
      lines.append("\(step)\(padding)// kernel: \(pairs[index].0)\(words(kernel.sightings[index]))")
      guard pairs[index].0 != pairs[index].1 else { continue }
      lines.append(
        String(repeating: " ", count: 58)
          + "// simulator: \(pairs[index].1)\(words(simulated.sightings[index]))")
    }
    differences.append(lines.joined(separator: "\n"))
  }

  private func words(_ sighting: Sighting) -> String {
    sighting.arrivals.map { " (from \($0.from))" }.joined()
  }

  /// Adds those of another profile or policy.
  mutating func add(_ other: Comparison) {
    scripts += other.scripts
    steps += other.steps
    spoilt += other.spoilt
    differences += other.differences
    drawn += other.drawn
    drawnAndKept += other.drawnAndKept
    lasts += other.lasts
    isPunctual = isPunctual && other.isPunctual
  }

  /// A line for a person.
  func summary(of profile: Profile) -> String {
    let name = profile.rawValue + String(repeating: " ", count: max(0, 24 - profile.rawValue.count))
    return "\(name) \(scripts) scripts, \(steps) steps, \(differences.count) differences"
      + (spoilt > 0 ? " (\(spoilt) more scripts were spoilt by chance)" : "")
  }
}

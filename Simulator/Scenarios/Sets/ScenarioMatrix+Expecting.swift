import Warren

// What is expected of a pair, and what came of it, in a letter: `e` straight at once, `g` straight after a guess, `t` straight over
// TCP, `r` over a relay, `.` not at all; and of what came, `?` where it is not the same in every run, or a rule was broken.
extension ScenarioMatrix {
  /// What the oracle says of a pair.
  public func expected(_ row: Int, _ column: Int) -> Character {
    let promise = Oracle(scenario(row, column)).promise("alice", "bob")
    switch (promise.direct, promise.tcp, promise.isRelayed) {
    case (.certain, _, _): return "e"
    case (.perhaps, _, _): return "g"
    case (.never, .certain, _): return "t"
    case (.never, _, true): return "r"
    case (.never, _, false): return "."
    }
  }

  /// What came of a pair.
  public func letter(of verdict: ScenarioSweep.Verdict) -> Character {
    guard verdict.failures.isEmpty, verdict.kinds.count == 1, let (kind, count) = verdict.kinds.first,
      count == verdict.seeds
    else { return verdict.failures.isEmpty && verdict.kinds.isEmpty ? "." : "?" }
    switch kind {
    case .tcp: return "t"
    case .relayed: return "r"
    case .direct: return verdict.directTimes.last.map { $0 <= ScenarioLimits.atOnce } ?? false ? "e" : "g"
    }
  }

  /// What the oracle says of all, a line for each place that calls.
  public var expectation: [String] {
    sites.indices.map { row in line(row) { expected(row, $0) } }
  }

  private func line(_ row: Int, _ letter: (Int) -> Character) -> String {
    columns(of: row).map { String(letter($0)) }.joined(separator: " ") + "  " + sites[row].name
  }

  /// What came otherwise than lines say that are written as ``expectation`` is; others of these are left out.
  public func differences(
    _ cells: [[ScenarioSweep.Verdict]], from expected: some Collection<String>
  ) -> [String] {
    let lines = expected.filter { !$0.isEmpty && !$0.hasPrefix("#") }
    guard lines.count == sites.count else {
      return ["\(sites.count) lines are expected, and there are \(lines.count)"]
    }
    return sites.indices.flatMap { row -> [String] in
      let letters = lines[row].split(separator: "  ", maxSplits: 1)[0].split(separator: " ").map(\.first)
      return columns(of: row).enumerated().compactMap { place, column in
        let (wanted, verdict) = (letters.indices.contains(place) ? letters[place] : nil, cells[row][place])
        let came = letter(of: verdict)
        // Who guesses may be lucky.
        guard came != wanted, !(wanted == "g" && came == "e") else { return nil }
        let why =
          verdict.failures.first.map { ": seed \($0.seed), \($0.faults.first.map { "\($0)" } ?? "")" } ?? ""
        return "\(verdict.name): \(came), and not \(wanted.map { String($0) } ?? "nothing")\(why)"
      }
    }
  }
}

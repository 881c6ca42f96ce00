import Warren

/// Every place against every other, many times: which pairs get through, and how fast.
public struct PunchMatrix: Sendable {
  /// A pair of places, and how it went over all seeds.
  public struct Cell: Sendable {
    /// How many trials there were, and how many of them got through.
    public var trials = 0
    public var direct = 0
    /// The slowest of those that did.
    public var slowest: Duration = .zero
    /// The first seed that did not.
    public var failed: UInt64?

    /// Takes one more outcome.
    mutating func take(_ outcome: PunchTrial.Outcome, seed: UInt64) {
      trials += 1
      if outcome.isDirect, outcome.agree, let time = outcome.slowest {
        direct += 1
        slowest = max(slowest, time)
      } else if failed == nil {
        failed = seed
      }
    }

    /// `e` where every seed went through at once, `g` where every one did within the time for a guess, `s` where it took
    /// longer, `.` where none did, `?` for anything else.
    public func letter(atOnce: Duration) -> Character {
      if direct == 0 { return "." }
      if direct < trials { return "?" }
      return slowest <= atOnce ? "e" : slowest <= PunchMatrix.guessTime ? "g" : "s"
    }
  }

  /// What is tried.
  public var trials: [[PunchTrial]]
  /// The names of the rows.
  public var names: [String]
  /// How long it may take where nothing is to be guessed.
  public var atOnce: Duration
  /// How long it may take where a port is to be guessed.
  public static let guessTime: Duration = .seconds(5)
  /// One and a half round trips between two machines of the simulated internet: what a check and its answer take, and the
  /// check that lets it in.
  public static let atOnceUDP: Duration = .milliseconds(75)
  /// Over TCP a round trip more, for the connection.
  public static let atOnceTCP: Duration = .milliseconds(125)

  /// All ordered pairs of places.
  public init(_ places: [Place] = Place.all, over transport: PunchTransport = .udp, loss: Double = 0) {
    // Who cannot get through is given up after the time that those who can may take; TCP waits longer for what is lost.
    let limit = transport == .tcp && loss > 0 ? .seconds(30) : Self.guessTime + .seconds(1)
    atOnce = transport == .udp ? Self.atOnceUDP : Self.atOnceTCP
    names = places.map(\.name)
    trials = places.map { alice in
      places.map { bob in
        var trial = PunchTrial(alice: alice, bob: bob)
        trial.loss = loss
        trial.transports = [transport]
        trial.limit = limit
        return trial
      }
    }
  }

  /// All unordered pairs of the 27 kinds of NAT, each knowing its own.
  public static func kinds() -> PunchMatrix {
    var matrix = PunchMatrix(Place.kinds.map(\.place))
    for row in matrix.trials.indices { matrix.trials[row].removeFirst(row) }
    return matrix
  }

  /// Runs all trials with all seeds, on so many threads at once.
  public func run(seeds: ClosedRange<UInt64>, threads: Int = 2) async throws -> [[Cell]] {
    let jobs = trials.indices.flatMap { row in trials[row].indices.map { (row, $0) } }
    return try await withThrowingTaskGroup(of: [(Int, Int, Cell)].self) { group in
      for thread in 0..<threads {
        group.addTask {
          var done: [(Int, Int, Cell)] = []
          for place in stride(from: thread, to: jobs.count, by: threads) {
            let (row, column) = jobs[place]
            var cell = Cell()
            for seed in seeds { cell.take(try await trials[row][column].run(seed: seed), seed: seed) }
            done.append((row, column, cell))
          }
          return done
        }
      }
      var cells = trials.map { Array(repeating: Cell(), count: $0.count) }
      for try await done in group {
        for (row, column, cell) in done { cells[row][column] = cell }
      }
      return cells
    }
  }

  /// One row a line: the letters of its cells, and its name.
  public func text(_ cells: [[Cell]]) -> [String] {
    zip(cells, names).map { row, name in
      row.map { String($0.letter(atOnce: atOnce)) }.joined(separator: " ") + "  " + name
    }
  }
}

import Warren
import WarrenSimulator

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
  public init(_ places: [Place] = Place.all, over transport: TransportProtocol = .udp, loss: Double = 0) {
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

  /// Pairs that stand in one place: behind one NAT, or in two homes behind one carrier's.
  public static func shared(over transport: TransportProtocol = .udp, loss: Double = 0) -> PunchMatrix {
    var matrix = PunchMatrix([.public], over: transport, loss: loss)
    let trial = matrix.trials[0][0]
    matrix.names = []
    matrix.trials = []
    for (name, configuration) in [("port-restricted", .portRestrictedCone), ("random", .symmetric)]
      as [(String, NATConfiguration)]
    {
      for hairpins in [true, false] {
        let box = configuration.changed { $0.hairpinning = hairpins ? .externalSource : .off }
        let carrier = NATConfiguration.carrierGrade.changed {
          $0.hairpinning = hairpins ? .externalSource : .off
        }
        let end = hairpins ? "with hairpinning" : "without hairpinning"
        matrix.add("one \(name) NAT, \(end)", trial) {
          [
            NAT("NAT", box) {
              Machine("alice")
              Machine("bob")
            }
          ]
        }
        matrix.add("the same, own addresses untold", trial, privacy: .hidesPrivate) {
          [
            NAT("NAT", box) {
              Machine("alice")
              Machine("bob")
            }
          ]
        }
        matrix.add("two \(name) homes of one carrier, \(end)", trial) {
          [
            NAT("carrier", carrier) {
              Machine("alice").behind(configuration)
              Machine("bob").behind(configuration)
            }
          ]
        }
      }
    }
    return matrix
  }

  private mutating func add(
    _ name: String, _ trial: PunchTrial, privacy: PunchConfiguration.Privacy = .tellsAll,
    _ topology: @escaping @Sendable () -> [Node]
  ) {
    var trial = trial
    trial.topology = topology
    trial.change = { $0.privacy = privacy }
    names.append(name)
    trials.append([trial])
  }

  /// All unordered pairs of the 27 kinds of NAT, each knowing its own.
  public static func kinds() -> PunchMatrix {
    var matrix = PunchMatrix(Place.kinds.map(\.place))
    for row in matrix.trials.indices { matrix.trials[row].removeFirst(row) }
    return matrix
  }

  /// Runs all trials with all seeds, on so many threads at once.
  public func run(seeds: ClosedRange<UInt64>, threads: Int = 2) async throws -> [[Cell]] {
    try await trials.concurrentMapOfRows(threads) { trial in
      var cell = Cell()
      for seed in seeds { cell.take(try await trial.run(seed: seed), seed: seed) }
      return cell
    }
  }

  /// What is not as it is written down, a line each.
  ///
  /// - Parameter expected: what ``text(_:)`` is without loss. With loss, who gets through does so later.
  public func differences(_ cells: [[Cell]], from expected: some Collection<String>, loss: Double) -> [String]
  {
    let lines = text(cells)
    guard lines.count == expected.count else {
      return ["\(expected.count) lines were expected, not \(lines.count)"]
    }
    return zip(lines.indices, expected).flatMap { row, expected -> [String] in
      let letters = expected.split(separator: "  ", maxSplits: 1)[0].split(separator: " ").map(\.first)
      return cells[row].indices.compactMap { column -> String? in
        let wanted = letters.indices.contains(column) ? letters[column] : nil
        let cell = cells[row][column]
        let isAsWanted =
          switch wanted {
          case ".": cell.direct == 0
          case "e": cell.direct == cell.trials && (loss > 0 || cell.slowest <= atOnce)
          case "g": cell.direct == cell.trials && (loss > 0 || cell.slowest <= Self.guessTime)
          default: false
          }
        if isAsWanted { return nil }
        let trial = trials[row][column]
        return "\(names[row]): \(trial.alice) calls \(trial.bob), \(loss * 100) % lost: \(cell.direct) of "
          + "\(cell.trials), slowest \(cell.slowest)" + (cell.failed.map { ", not with seed \($0)" } ?? "")
      }
    }
  }

  /// What of ``kinds()`` is not as ``SearchPlan/decide(mine:theirs:permitting:)`` says, a line each.
  public func differencesFromRules(_ cells: [[Cell]]) -> [String] {
    cells.indices.flatMap { row in
      cells[row].indices.compactMap { column -> String? in
        let (cell, trial) = (cells[row][column], trials[row][column])
        let decision = SearchPlan.decide(
          mine: Place.kinds[row].kind, theirs: Place.kinds[row + column].kind)
        let isAsSaid =
          if case .relayOnly = decision { cell.direct == 0 } else { cell.direct == cell.trials }
        return isAsSaid
          ? nil : "\(trial.alice) against \(trial.bob): \(cell.direct) of \(cell.trials), and not \(decision)"
      }
    }
  }

  /// One row a line: the letters of its cells, and its name.
  public func text(_ cells: [[Cell]]) -> [String] {
    zip(cells, names).map { row, name in
      row.map { String($0.letter(atOnce: atOnce)) }.joined(separator: " ") + "  " + name
    }
  }
}

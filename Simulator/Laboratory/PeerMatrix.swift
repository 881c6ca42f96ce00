import Warren
import WarrenSimulator

/// Peers in every place connect with peers in every other: who gets through, and how soon the first byte does.
public struct PeerMatrix: Sendable {
  /// A pair of places, and how it went over all seeds.
  public struct Cell: Sendable {
    /// How many trials there were.
    public var trials = 0
    /// When the first byte was there, in those that came to something, the soonest first.
    public var times: [Duration] = []
    /// How many of these went over a relay when it was.
    public var relayed = 0
    /// Those that did not, or where the two did not agree, and why.
    public var failures: [(seed: UInt64, why: String)] = []

    mutating func take(_ outcome: PeerTrial.Outcome, seed: UInt64) {
      trials += 1
      if let time = outcome.firstByte, outcome.answered != nil, outcome.agree {
        times.append(time)
        relayed += outcome.isRelayed ? 1 : 0
      } else {
        failures.append((seed, outcome.failure ?? "\(outcome)"))
      }
    }

    /// How many times the way from one machine to another the slowest took, rounded up, where that is below ten; `g` where it
    /// took as long as a guess may, `s` for longer, `.` where nobody got through, `?` where not everyone did.
    public var letter: Character {
      guard let slowest = times.last else { return "." }
      if !failures.isEmpty { return "?" }
      let trips = (slowest / PeerTrial.oneWay).rounded(.up)
      return trips < 10 ? Character("\(Int(trips))") : slowest <= .seconds(6) ? "g" : "s"
    }
  }

  /// What is not as it should be, a line each.
  ///
  /// - Parameter expected: the letters of ``PunchMatrix/text(_:)``, a line for each place: whoever gets through at once is connected
  ///   within two round trips where no mapping depends on the other end, and within two and a half else.
  public func differences(_ cells: [[Cell]], from expected: [String]) -> [String] {
    var lines: [String] = []
    for (row, alice) in places.enumerated() {
      let letters = expected.indices.contains(row) ? expected[row].split(separator: " ").map(\.first) : []
      for (column, bob) in places.enumerated() {
        let cell = cells[row][column]
        let isEarly = trials[row][column].isEarly
        let limit = isEarly ? 2 : alice.keepsMapping && bob.keepsMapping ? 4 : 5
        // Where packets are lost, or both dial, it takes longer.
        let isTimed = trials[row][column].loss == 0 && !trials[row][column].crosses
        let isInTime = !isTimed || cell.times.last ?? .zero <= PeerTrial.oneWay * limit
        let isRight =
          switch letters.indices.contains(column) ? letters[column] : nil {
          case "e": cell.failures.isEmpty && isInTime
          case "g": cell.failures.isEmpty && (!isEarly || isInTime)
          case ".": cell.times.isEmpty
          default: false
          }
        if !isRight {
          lines.append("\(alice) to \(bob): \(cell.letter), \(cell.times.last.map { "\($0)" } ?? "never")")
        }
      }
    }
    return lines
  }

  /// The places.
  public let places: [Place]
  private let trials: [[PeerTrial]]

  /// All ordered pairs of places, each changed in the same way.
  public init(_ places: [Place] = Place.all, _ change: (inout PeerTrial) -> Void = { _ in }) {
    self.places = places
    trials = places.map { alice in
      places.map { bob in
        var trial = PeerTrial(alice: alice, bob: bob)
        change(&trial)
        return trial
      }
    }
  }

  /// Runs all of them with all seeds, on so many threads at once.
  public func run(seeds: ClosedRange<UInt64>, threads: Int = 2) async throws -> [[Cell]] {
    try await trials.concurrentMapOfRows(threads) { trial in
      var cell = Cell()
      for seed in seeds {
        do {
          cell.take(try await trial.run(seed: seed).outcome, seed: seed)
        } catch {
          cell.failures.append((seed, "\(error)"))
        }
      }
      cell.times.sort()
      return cell
    }
  }
}

import FoundationEssentials
import TestSupport
import Testing
import Warren

@Suite("The laboratory's reports", .needsWarren)
struct LaboratoryTests {
  /// What a command says for other programs: one object on a line, and nothing else.
  private func object<Object: Decodable>(
    _ type: Object.Type, _ words: String..., code: CInt = 0, at place: SourceLocation = #_sourceLocation
  ) async throws -> Object {
    let result = try await ended(words + ["--json"])
    #expect(result.code == code && result.err.isEmpty == (code == 0), "\(result.err)", sourceLocation: place)
    #expect(result.out.hasSuffix("}\n") && result.out.count { $0 == "\n" } == 1, sourceLocation: place)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(result.out.utf8))
  }

  private struct Seeds: Decodable, Equatable {
    let from, to: Int
  }

  private struct Fault: Decodable {
    let seed: Int
    let fault: String
  }

  @Test("a matrix is the same in letters and in an object, and so is what was expected otherwise")
  func matrix() async throws {
    struct Cell: Decodable {
      let with: String?
      let letter: String
      let trials, direct: Int
      let slowestMs: Double?
    }
    struct Row: Decodable {
      let name: String
      let cells: [Cell]
    }
    struct Matrix: Decodable {
      let transport: String
      let lossPercent: Double
      let pairs, direct: Int
      let rows: [Row]
    }
    struct Report: Decodable {
      let seeds: Seeds
      let matrices: [Matrix]
      let differences: [String]?
    }
    // Nothing was expected, which is not what there is.
    let found = try await object(
      Report.self, "matrix", "--seeds", "1", "--loss", "0", "--against", "/dev/null", code: 1)
    #expect(found.seeds == Seeds(from: 1, to: 1))
    #expect(found.matrices.map(\.transport) == ["udp", "udp", "tcp", "tcp"])
    for matrix in found.matrices {
      let cells = matrix.rows.flatMap(\.cells)
      #expect(cells.count == matrix.pairs && cells.count { $0.direct == 1 } == matrix.direct)
      #expect(cells.allSatisfy { $0.trials == 1 && ($0.direct == 1) == ($0.slowestMs != nil) })
    }
    let places = found.matrices[0].rows
    #expect(found.differences?.count == 4)
    #expect(found.differences?.first == "0 lines were expected, not \(places.count)")
    #expect(places.allSatisfy { $0.cells.map(\.with) == places.map(\.name) })
    #expect(found.matrices[1].rows.allSatisfy { $0.cells.count == 1 && $0.cells[0].with == nil })
    // The same in lines, of which the first say what the letters mean.
    let (code, text, _) = try await ended(["matrix", "--seeds", "1", "--loss", "0"])
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)[...]
    #expect(code == 0 && lines.popFirst()!.hasPrefix("e  at once    g  after a guess"))
    #expect(lines.contains("Over UDP, 0 % of the packets lost:"))
    for matrix in found.matrices {
      for row in matrix.rows {
        let line = "  " + row.cells.map(\.letter).joined(separator: " ") + "  " + row.name
        #expect(lines.contains(line), "\(line)")
      }
      #expect(lines.contains("  \(matrix.direct) of \(matrix.pairs) pairs are direct in every seed."))
    }
  }

  @Test("connections are counted, and two of them are told one by one")
  func connect() async throws {
    struct Cell: Decodable {
      let with: String
      let trials, connected: Int
      let faults: [Fault]
    }
    struct Row: Decodable {
      let name: String
      let cells: [Cell]
    }
    struct FirstBytes: Decodable {
      let count: Int
      let medianMs, oneWayMs: Double
    }
    struct Report: Decodable {
      let rows: [Row]
      let firstBytes: FirstBytes
    }
    let found = try await object(Report.self, "connect", "--seeds", "1")
    let cells = found.rows.flatMap(\.cells)
    #expect(cells.count == found.rows.count * found.rows.count)
    #expect(cells.allSatisfy { $0.trials == 1 && $0.connected + $0.faults.count == 1 })
    #expect(found.firstBytes.count == cells.reduce(0) { $0 + $1.connected } && found.firstBytes.count > 100)
    struct Trial: Decodable {
      let seed: Int
      let firstByteMs: Double
      let agree, punched, relayed: Bool
    }
    struct Pair: Decodable {
      let trials: [Trial]
    }
    let pair = try await object(Pair.self, "connect", "random", "port-restricted", "--seeds", "2")
    #expect(pair.trials.map(\.seed) == [1, 2])
    #expect(pair.trials.allSatisfy { $0.agree && $0.punched && !$0.relayed && $0.firstByteMs > 50 })
    // No events come between.
    let one = try await object(Pair.self, "connect", "random", "port-restricted", "--seed", "2")
    #expect(one.trials.map(\.firstByteMs) == [pair.trials[1].firstByteMs])
  }

  @Test("paths, storms and swarms say how long it took, and name what was wrong")
  func peers() async throws {
    struct Scenario: Decodable {
      let scenario: String
      let medianSilenceMs, longestSilenceMs: Double
      let paths: [String]
      let faults: [Fault]
    }
    struct Paths: Decodable {
      let scenarios: [Scenario]
    }
    let paths = try await object(Paths.self, "paths", "cut", "--seeds", "1").scenarios
    #expect(paths.map(\.scenario) == ["cut"] && paths[0].faults.isEmpty && !paths[0].paths.isEmpty)
    #expect(paths[0].medianSilenceMs <= paths[0].longestSilenceMs)
    struct Connections: Decodable {
      let asked, connected, connectedInCalm: Int
      let slowestMs: Double
    }
    struct Storm: Decodable {
      let seeds: Seeds
      let connections: Connections
    }
    let storm = try await object(Storm.self, "storm", "--seeds", "2", "--from", "5")
    #expect(storm.seeds == Seeds(from: 5, to: 6) && storm.connections.connectedInCalm > 0)
    #expect(storm.connections.asked >= storm.connections.connected)
    struct Swarm: Decodable {
      let nodes, runs: Int
      let hours: Int?
      let joinedMs, neighbours: Double?
      let faults: [Fault]
    }
    struct Swarms: Decodable {
      let whole: Bool
      let swarms: [Swarm]
    }
    let cores = try await object(Swarms.self, "swarm", "--nodes", "5", "--seeds", "2")
    #expect(!cores.whole && cores.swarms.map(\.runs) == [2] && cores.swarms[0].neighbours == 4)
    let idle = try await object(Swarms.self, "swarm", "--nodes", "5", "--seeds", "1", "--hours", "1")
    #expect(idle.swarms.map(\.hours) == [1] && idle.swarms[0].joinedMs == nil)
    let whole = try await object(Swarms.self, "swarm", "--nodes", "3", "--whole", "--seed", "2")
    #expect(whole.whole && whole.swarms.map(\.nodes) == [3] && whole.swarms[0].faults.isEmpty)
  }

  @Test("a weather, a contest and silence are told in numbers, and a weather in the lines that it always had")
  func measures() async throws {
    struct Weather: Decodable {
      let weather: String
      let runs, right: Int
      let medianMs, worstMs: Double
    }
    struct Weathers: Decodable {
      let world: String
      let weathers: [Weather]
    }
    let found = try await object(Weathers.self, "weather", "clean", "--seeds", "3")
    #expect(found.world == "simulated" && found.weathers.map(\.weather) == ["clean"])
    #expect(found.weathers[0].runs == 3 && found.weathers[0].right == 3 && found.weathers[0].medianMs > 100)
    let text = try await ended(["weather", "clean", "--seeds", "3"]).out
    let hundredths = { (time: Double) in Int((time / 10).rounded()) }
    let (median, worst) = (hundredths(found.weathers[0].medianMs), hundredths(found.weathers[0].worstMs))
    func seconds(_ time: Int) -> String { "0.\(time) s" }
    #expect(
      text
        == """
        Bytes there and back over QUIC through bad weather, in a simulated internet, 50 ms one way, 3 times each:

                                     right        median     worst
        clean                        3 of 3       \(seconds(median))     \(seconds(worst))

        """)
    struct Entry: Decodable {
      let against, name: String
      let foundPercent: Double
      let p50Bytes: Int
    }
    struct Contest: Decodable {
      let entries: [Entry]
    }
    let contest = try await object(Contest.self, "contest", "--seeds", "1")
    #expect(Set(contest.entries.map(\.against)) == ["random", "counting"] && contest.entries.count == 12)
    #expect(contest.entries.allSatisfy { [0, 100].contains($0.foundPercent) && $0.p50Bytes > 0 })
    struct Silent: Decodable {
      let mappingsLiveS: Int
      let bytesPerSecond: [String: Double]
    }
    struct Idle: Decodable {
      let minutes: Int
      let connections: [Silent]
    }
    let idle = try await object(Idle.self, "idle", "--minutes", "1")
    #expect(idle.minutes == 1 && idle.connections.map(\.mappingsLiveS) == [10, 20, 30, 60, 120, 300])
    for connection in idle.connections {
      let rates = connection.bytesPerSecond
      #expect(abs(rates["straight"]! + rates["relay"]! + rates["registry"]! - rates["all"]!) < 0.001)
    }
  }
}

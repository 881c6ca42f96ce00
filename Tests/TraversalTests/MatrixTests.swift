import TestSupport
import Testing
import Warren
import WarrenLaboratory

/// Who gets through to whom: a few seeds of what `make matrix` does with many.
@Suite("Of all pairs of places")
struct MatrixTests {
  /// The lines that are no comments, as they are written down.
  private static let expected = (Folder.text(of: Folder.repository + "/Fixtures/Matrix/places.txt") ?? "")
    .split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }

  @Test("those go direct that are written down", arguments: [TransportProtocol.udp, .tcp], [0, 0.02, 0.1])
  func places(transport: TransportProtocol, loss: Double) async throws {
    var rest = Self.expected[...]
    for transportOfLines in [TransportProtocol.udp, .tcp] {
      for matrix in [PunchMatrix(over: transport, loss: loss), .shared(over: transport, loss: loss)] {
        let lines = rest.prefix(matrix.names.count)
        rest = rest.dropFirst(matrix.names.count)
        guard transport == transportOfLines else { continue }
        let cells = try await matrix.run(seeds: 1...1)
        #expect(matrix.differences(cells, from: lines, loss: loss) == [])
      }
    }
    #expect(rest.isEmpty)
  }

  @Test("each of the 378 pairs of kinds of NAT does what the rules say")
  func kinds() async throws {
    let matrix = PunchMatrix.kinds()
    let cells = try await matrix.run(seeds: 1...1)
    #expect(cells.joined().count == 378)
    #expect(matrix.differencesFromRules(cells) == [])
  }

  @Test("a hard one is found by an easy one within the time and the bytes that it may take")
  func contest() async throws {
    let contest = SearchContest()
    let spread = try await contest.run(contest.entries[0], seeds: 1...100)
    #expect(spread.success == 1)
    #expect(try #require(spread.time(0.5)) <= .milliseconds(700))
    #expect(try #require(spread.time(0.99)) <= .milliseconds(1500))
    #expect(try #require(spread.bytes(0.999)) <= 120_000)
  }

  @Test("others' ways of searching work in the simulator too, but take longer")
  func rivals() async throws {
    let contest = SearchContest()
    for entry in contest.entries.dropFirst(3) {
      let spread = try await contest.run(entry, seeds: 1...10)
      #expect(spread.success >= 0.8, "\(entry.name)")
    }
  }

  @Test(
    "counters are met although others use the NATs too",
    arguments: [
      (Place.sequential, Place.sequential), (.portRestricted, .sequential), (.sequential, .portRestricted),
    ])
  func busy(alice: Place, bob: Place) async throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let outcome = try await PunchTrial(alice: alice.busy(35), bob: bob.busy(35)).run(seed: seed)
      #expect(outcome.isDirect && outcome.agree, "seed \(seed)")
    }
  }

  /// In these, a sample that was asked for twice had turned the counter around, and then every later round met the
  /// mappings of the one before.
  @Test(
    "counters are met where a tenth is lost",
    arguments: [7, 47, 53, 249, 256, 303, 361, 372, 373, 376] as [UInt64])
  func lossy(seed: UInt64) async throws {
    var trial = PunchTrial(alice: .sequential, bob: .sequential)
    trial.loss = 0.1
    let outcome = try await trial.run(seed: seed)
    #expect(outcome.isDirect && outcome.agree)
  }

  @Test(
    "ports are searched for whatever roles the two believe to have",
    arguments: [ICECore.Role.controlling, .controlled])
  func sameRoles(role: ICECore.Role) async throws {
    for (alice, bob) in [(Place.random, Place.portRestricted), (.sequential, .sequential)] {
      for seed in 1...10 as ClosedRange<UInt64> {
        var trial = PunchTrial(alice: alice, bob: bob)
        trial.roles = (role, role)
        let outcome = try await trial.run(seed: seed)
        #expect(outcome.isDirect && outcome.agree, "\(alice) with \(bob), seed \(seed)")
      }
    }
  }
}

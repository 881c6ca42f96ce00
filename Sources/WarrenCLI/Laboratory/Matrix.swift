import Warren
import WarrenLaboratory
import WarrenOptions

/// Prints which pairs of places get through to each other directly, and how fast.
struct Matrix: Command {
  private static let seeds = LaboratoryWords.seeds(3, atMost: 100_000)
  private static let loss = Option<Double?>(
    "loss", .percent(atMost: 50), "how many of the packets are lost: none, 2 % and 10 % if nothing is said")
  private static let kinds = Option.flag("kinds", "the 27 kinds of NAT instead of places")

  static var description: CommandDescription {
    CommandDescription(
      "matrix", "show who gets through to whom, in a simulated internet", group: .laboratory,
      options: [seeds, loss, LaboratoryWords.against, kinds, JSONWord.json],
      rules: [.atMostOne(of: [LaboratoryWords.against, kinds])],
      examples: [
        Example("warren matrix --seeds 20 --loss 5", "try every pair of places twenty times, with 5 % loss"),
        Example("warren matrix --kinds", "try every kind of NAT against every other"),
      ])
  }

  private let seeds: ClosedRange<UInt64>
  private let losses: [Double]
  private let expected: [String]?
  private let isOfKinds: Bool
  private let isJSON: Bool

  init(_ words: ParsedWords) throws {
    seeds = 1...words[Self.seeds]
    losses = words[Self.loss].map { [$0] } ?? [0, 0.02, 0.1]
    expected = try words[LaboratoryWords.against].map { try lines(ofFile: $0) }
    isOfKinds = words[Self.kinds]
    isJSON = words[JSONWord.json]
  }

  func run() async throws {
    var report = LaboratoryReport(asJSON: isJSON, about: [("seeds", .seeds(seeds))], list: "matrices")
    report.say(
      "e  at once    g  after a guess    s  slowly    .  only over a relay    ?  not in every seed\n")
    let differences = isOfKinds ? try await kinds(&report) : try await places(&report)
    guard expected != nil || isOfKinds else { return report.end() }
    report.tell(Differences(lines: differences), as: "differences")
    if differences.isEmpty { report.say("All of it is as it should be.") }
    report.end()
    if !differences.isEmpty { throw MatrixError.differs(differences.count) }
  }

  private func places(_ report: inout LaboratoryReport) async throws -> [String] {
    report.say(
      "Each place (a line) calls each place (a column, in the same order), \(seeds.count) seeds.\n")
    var differences: [String] = []
    var rest = (expected ?? []).filter { !$0.isEmpty && !$0.hasPrefix("#") }[...]
    for transport in [TransportProtocol.udp, .tcp] {
      for (number, loss) in losses.enumerated() {
        report.say("Over \(transport == .udp ? "UDP" : "TCP"), \(Int(loss * 100)) % of the packets lost:\n")
        var mine = rest
        let matrices = [PunchMatrix(over: transport, loss: loss), .shared(over: transport, loss: loss)]
        for (place, matrix) in matrices.enumerated() {
          let cells = try await matrix.run(seeds: seeds)
          report.tell(
            MatrixFinding(
              matrix: matrix, cells: cells, transport: transport, loss: loss, isOfPairs: place > 0))
          differences += matrix.differences(cells, from: mine.prefix(matrix.names.count), loss: loss)
          mine = mine.dropFirst(matrix.names.count)
        }
        if number == losses.count - 1 { rest = mine }
      }
    }
    return differences
  }

  private func kinds(_ report: inout LaboratoryReport) async throws -> [String] {
    report.say(
      """
      The 27 kinds of NAT, by mapping, filtering (i, a, p: independent of the remote end, by address, by address
      and port) and ports (k, s, r: kept, sequential, random); each against itself and those below it.

      """)
    let matrix = PunchMatrix.kinds()
    let cells = try await matrix.run(seeds: seeds)
    report.tell(MatrixFinding(matrix: matrix, cells: cells, transport: .udp, loss: 0))
    return matrix.differencesFromRules(cells)
  }
}

/// Why a matrix is not good.
enum MatrixError: Error, CustomStringConvertible {
  case differs(Int)

  var description: String {
    switch self {
    case .differs(let count): "\(count) pairs are not as expected"
    }
  }
}

import Warren
import WarrenLaboratory

/// Prints which pairs of places get through to each other directly, and how fast.
struct Matrix {
  private let seeds: ClosedRange<UInt64>
  private let losses: [Double]
  private let expected: [String]?
  private let isOfKinds: Bool

  init(arguments: ArraySlice<String>) throws {
    let options = try Options(arguments, known: ["--seeds", "--loss", "--against"], flags: ["--kinds"])
    seeds = 1...max(1, min(try options.number("--seeds") ?? 3, 100_000))
    losses = try options.number("--loss").map { [Double(min($0, 50)) / 100] } ?? [0, 0.02, 0.1]
    expected = try options["--against"].map { try lines(ofFile: $0) }
    isOfKinds = options["--kinds"] != nil
  }

  func run() async throws {
    print("e  at once    g  after a guess    s  slowly    .  only over a relay    ?  not in every seed\n")
    let differences = isOfKinds ? try await kinds() : try await places()
    guard expected != nil || isOfKinds else { return }
    for line in differences { print("NOT AS EXPECTED: \(line)") }
    if !differences.isEmpty { throw MatrixError.differs(differences.count) }
    print("All of it is as it should be.")
  }

  private func places() async throws -> [String] {
    print("Each place (a line) calls each place (a column, in the same order), \(seeds.count) seeds.\n")
    var differences: [String] = []
    var rest = (expected ?? []).filter { !$0.isEmpty && !$0.hasPrefix("#") }[...]
    for transport in [TransportProtocol.udp, .tcp] {
      for (number, matrices) in zip(
        losses.indices,
        losses.map { [PunchMatrix(over: transport, loss: $0), .shared(over: transport, loss: $0)] })
      {
        let loss = losses[number]
        print("Over \(transport == .udp ? "UDP" : "TCP"), \(Int(loss * 100)) % of the packets lost:\n")
        var mine = rest
        for matrix in matrices {
          let cells = try await matrix.run(seeds: seeds)
          show(matrix, cells)
          differences += matrix.differences(cells, from: mine.prefix(matrix.names.count), loss: loss)
          mine = mine.dropFirst(matrix.names.count)
        }
        if number == losses.count - 1 { rest = mine }
      }
    }
    return differences
  }

  private func kinds() async throws -> [String] {
    print(
      "The 27 kinds of NAT, by mapping, filtering (i, a, p: independent of the remote end, by address, by address"
    )
    print(
      "and port) and ports (k, s, r: kept, sequential, random); each against itself and those below it.\n")
    let matrix = PunchMatrix.kinds()
    let cells = try await matrix.run(seeds: seeds)
    show(matrix, cells)
    return matrix.differencesFromRules(cells)
  }

  private func show(_ matrix: PunchMatrix, _ cells: [[PunchMatrix.Cell]]) {
    for line in matrix.text(cells) { print("  \(line)") }
    let all = cells.joined()
    let direct = all.filter { $0.direct == $0.trials }.count
    print("\n  \(direct) of \(all.count) pairs are direct in every seed.\n")
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

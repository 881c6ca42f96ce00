import Warren
import WarrenLaboratory

/// Prints which pairs of places get through to each other directly, and how fast.
struct Matrix {
  private let seeds: ClosedRange<UInt64>
  private let losses: [Double]
  private let isOfKinds: Bool

  init(arguments: ArraySlice<String>) throws {
    let options = try Options(arguments, known: ["--seeds", "--loss"], flags: ["--kinds"])
    seeds = 1...max(1, min(try options.number("--seeds") ?? 3, 100_000))
    losses = try options.number("--loss").map { [Double(min($0, 50)) / 100] } ?? [0, 0.02, 0.1]
    isOfKinds = options["--kinds"] != nil
  }

  func run() async throws {
    print("e  at once    g  after a guess    s  slowly    .  only over a relay    ?  not in every seed\n")
    if isOfKinds { return try await printKinds() }
    print("Each place (a line) calls each place (a column, in the same order), \(seeds.count) seeds.\n")
    for transport in [PunchTransport.udp, .tcp] {
      for loss in losses {
        print("Over \(transport == .udp ? "UDP" : "TCP"), \(Int(loss * 100)) % of the packets lost:\n")
        let matrix = PunchMatrix(over: transport, loss: loss)
        show(matrix, try await matrix.run(seeds: seeds))
      }
    }
  }

  private func printKinds() async throws {
    print("The 27 kinds of NAT, by mapping, filtering (i, a, p: independent of the remote end, by address, by address")
    print("and port) and ports (k, s, r: kept, sequential, random); each against itself and those below it.\n")
    let matrix = PunchMatrix.kinds()
    let cells = try await matrix.run(seeds: seeds)
    show(matrix, cells)
    var kept = 0
    for (row, cells) in cells.enumerated() {
      for (column, cell) in cells.enumerated() {
        let pair = (Place.kinds[row].kind, Place.kinds[row + column].kind)
        let decision = SearchPlan.decide(mine: pair.0, theirs: pair.1)
        var isForRelay = false
        if case .relayOnly = decision { isForRelay = true }
        if isForRelay ? cell.direct == 0 : cell.direct == cell.trials {
          kept += 1
        } else {
          let trial = matrix.trials[row][column]
          print("  \(trial.alice) against \(trial.bob) should be \(decision)")
        }
      }
    }
    print("  \(kept) pairs are as they should be.")
  }

  private func show(_ matrix: PunchMatrix, _ cells: [[PunchMatrix.Cell]]) {
    for line in matrix.text(cells) { print("  \(line)") }
    let all = cells.joined()
    let direct = all.filter { $0.direct == $0.trials }.count
    print("\n  \(direct) of \(all.count) pairs are direct in every seed.\n")
    for (row, cells) in cells.enumerated() {
      for (column, cell) in cells.enumerated() where cell.letter(atOnce: matrix.atOnce) == "?" {
        let trial = matrix.trials[row][column]
        print("  \(trial.alice) calls \(trial.bob): \(cell.direct) of \(cell.trials)", terminator: "")
        print(cell.failed.map { ", not with seed \($0)" } ?? "")
      }
    }
  }
}

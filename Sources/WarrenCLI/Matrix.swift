import Warren
import WarrenLaboratory

/// Prints which pairs of places get through to each other directly, and how fast.
struct Matrix {
  private let seeds: ClosedRange<UInt64>
  private let losses: [Double]

  init(arguments: ArraySlice<String>) throws {
    let options = try Options(arguments, known: ["--seeds", "--loss"])
    seeds = 1...max(1, min(options["--seeds"] ?? 3, 100_000))
    losses = options["--loss"].map { [Double(min($0, 50)) / 100] } ?? [0, 0.02, 0.1]
  }

  func run() async throws {
    print("Each place (a line) calls each place (a column, in the same order), \(seeds.count) seeds.")
    print("e  at once    g  after a guess    s  slowly    .  only over a relay    ?  not in every seed\n")
    for transport in [PunchTransport.udp, .tcp] {
      for loss in losses {
        let matrix = PunchMatrix(over: transport, loss: loss)
        let cells = try await matrix.run(seeds: seeds)
        print("Over \(transport == .udp ? "UDP" : "TCP"), \(Int(loss * 100)) % of the packets lost:\n")
        for line in matrix.text(cells) { print("  \(line)") }
        let all = cells.joined()
        let direct = all.filter { $0.direct == $0.trials }.count
        print("\n  \(direct) of \(all.count) pairs are direct in every seed.\n")
        for (row, cells) in cells.enumerated() {
          for (column, cell) in cells.enumerated() where cell.letter(atOnce: matrix.atOnce) == "?" {
            let failed = cell.failed.map { "not with seed \($0)" } ?? "slowest \(cell.slowest)"
            print(
              "  \(matrix.names[row]) calls \(matrix.names[column]): \(cell.direct) of \(cell.trials), \(failed)")
          }
        }
      }
    }
  }
}

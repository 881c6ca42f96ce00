import TestSupport
import Testing

extension ScreenTests {
  /// Bars on a real screen.
  @Suite("Bars of several transfers")
  struct ProgressBoardTests {
    @Test("they stand below each other, what is said above them, and what has ended says a last line")
    func bars() async throws {
      try await Screen.with(columns: 60, rows: 20) { screen in
        try screen.run("clear; $P bars orders; echo over")
        try screen.order("add one 1000000")
        try screen.order("add two 2000000")
        try screen.order("update 0 500000")
        try await screen.wait("two bars") { seen in
          seen.count == 2 && seen[0].hasPrefix("one  [") && seen[0].contains(" 50 %")
            && seen[1].hasPrefix("two  [")
        }
        try screen.order("say somebody is here")
        try await screen.wait("a line above them") { seen in
          seen.count == 3 && seen[0] == "somebody is here" && seen[1].hasPrefix("one  [")
            && seen[2].hasPrefix("two  [")
        }
        try screen.order("update 1 2000000")
        try screen.order("end 1")
        try await screen.wait("one that has ended") { seen in
          seen.count == 3 && seen[1].hasPrefix("two  done  2.0 MB in 0:0") && seen[1].hasSuffix(", direct")
            && seen[2].hasPrefix("one  [")
        }
        try screen.resize(columns: 40, rows: 20)
        try screen.order("fail 0")
        try screen.order("go")
        try await screen.wait("the end") { seen in
          seen.suffix(3) == ["one  failed after 500 kB: it is over", "over", "$"]
            && !seen.contains { $0.contains("%") }
        }
      }
    }

    @Test("where there is no screen each says a line every five seconds, and a last one")
    func noScreen() async throws {
      try await Screen.with(columns: 70) { screen in
        try screen.run("clear; $P bars orders 2>&1 | cat; echo over")
        // A second goes by with each order.
        for order in ["add one 10000000"] + (1...7).map({ "update 0 \($0)000000" }) + ["end 0", "go"] {
          try screen.order(order)
        }
        try await screen.wait(
          forEnd: "one   50 %  5.0 MB of 10.0 MB  1.0 MB/s  0:05 left  direct",
          "one  done  7.0 MB in 0:08, 875 kB/s, direct", "over", "$")
      }
    }
  }
}

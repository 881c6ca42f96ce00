import Testing
import WarrenMachine

@testable import WarrenTerminal

@Suite("How far a transfer is, in words")
struct ProgressCoreTests {
  private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

  /// A transfer of 100 MB, at 1 MB/s, that began with nothing.
  private func transfer(after seconds: Int, name: String = "film.mkv") -> ProgressCore {
    var core = ProgressCore(name: name, total: 100_000_000, at: at(0))
    core.path = "direct"
    for second in 1...seconds { core.update(done: UInt64(second) * 1_000_000, at: at(Double(second))) }
    return core
  }

  @Test("a bar has a name, a percentage, a rate, the time left and the way")
  func bar() {
    let bar = transfer(after: 42).bar(width: 79, at: at(42))
    #expect(bar == "film.mkv  [#############..................]   42 %  1.0 MB/s  0:58 left  direct")
  }

  @Test("a bar is never wider than the screen, and a narrow one still says how much", arguments: 16...120)
  func widths(width: Int) {
    for name in ["film.mkv", "a name that is very long indeed, and goes on.tar.gz", "日本語の名前の長いファイル名.txt"] {
      let bar = transfer(after: 42, name: name).bar(width: width, at: at(42))
      #expect(bar.columns <= width)
      #expect(bar.contains("42 %"))
    }
  }

  @Test("only what is all there is 100 %, and what is not is 99 % at most")
  func ends() {
    var core = ProgressCore(name: "x", total: 1_000_000, at: at(0))
    #expect(core.bar(width: 60, at: at(0)).contains("  0 %"))
    core.update(done: 999_999, at: at(1))
    #expect(core.bar(width: 60, at: at(1)).contains(" 99 %"))
    core.update(done: 1_000_000, at: at(2))
    #expect(core.bar(width: 60, at: at(2)).contains("100 %"))
    #expect(ProgressCore(name: "x", total: 0, at: at(0)).bar(width: 60, at: at(0)).contains("100 %"))
  }

  @Test("what was there before counts as done, and not as fast")
  func resumed() {
    var core = ProgressCore(name: "x", total: 100_000_000, done: 90_000_000, at: at(0))
    for second in 1...5 { core.update(done: 90_000_000 + UInt64(second) * 1_000_000, at: at(Double(second))) }
    #expect(core.report(at: at(5)) == "x   95 %  95.0 MB of 100 MB  1.0 MB/s  0:05 left")
    #expect(
      core.ending(.complete, at: at(5)).rendered(inColour: false) == "x  done  95.0 MB in 0:05, 1.0 MB/s")
  }

  @Test("what comes twice is no progress")
  func again() {
    var core = ProgressCore(name: "x", total: 100, at: at(0))
    core.update(done: 50, at: at(1))
    core.update(done: 10, at: at(2))
    #expect(core.done == 10)
    #expect(core.bar(width: 60, at: at(2)).contains(" 10 %"))
  }

  @Test("nobody knows how long it takes what stands still, and what has no end says no percentage")
  func unknown() {
    #expect(transfer(after: 10).report(at: at(10)).contains("1:30 left"))
    #expect(!transfer(after: 10).report(at: at(200)).contains("left"))
    var core = ProgressCore(name: "stdin", total: nil, at: at(0))
    core.update(done: 1_500_000, at: at(1))
    #expect(core.bar(width: 79, at: at(1)) == "stdin  1.5 MB  1.5 MB/s")
  }

  @Test("names and reasons of others are made harmless")
  func harmless() {
    let core = ProgressCore(name: "a\u{1B}[2Jb\n", total: 10, at: at(0))
    let bar = core.bar(width: 60, at: at(0))
    #expect(bar.undisturbing == bar)
    let ending = core.ending(.failed("no\n\u{1B}[31m"), at: at(1)).rendered(inColour: false)
    #expect(ending == "a\u{FFFD}[2Jb\u{FFFD}  failed after 0 B: no\u{FFFD}\u{FFFD}[31m")
  }

  @Test("numbers have three digits, and hours are hours")
  func numbers() {
    let sizes = [0, 999, 1000, 1049, 99_999, 100_000, 999_999, 1_000_000, 12_345_678_901].map {
      ProgressCore.size($0)
    }
    #expect(
      sizes == ["0 B", "999 B", "1.0 kB", "1.0 kB", "99.9 kB", "100 kB", "999 kB", "1.0 MB", "12.3 GB"])
    #expect(ProgressCore.size(.max) == "18.4 EB")
    #expect(ProgressCore.time(.seconds(42)) == "0:42" && ProgressCore.time(.seconds(3603)) == "1:00:03")
  }
}

import Testing
import Warren

@testable import WarrenScenarios

@Suite("A heat map")
struct HeatMapTests {
  @Test("has a cell for each pair, with its share, time and way in words")
  func cells() throws {
    var map = HeatMap("Who reaches <whom>", rows: ["a", "b"], columns: ["x", "y", "<z>"])
    map[0, 0] = HeatMap.Cell(runs: 20, successes: 20, median: .milliseconds(125), kind: .direct)
    map[1, 2] = HeatMap.Cell(runs: 20, successes: 7, median: .seconds(2), kind: .relayed)
    let page = Page("<!DOCTYPE html>" + map.html.text)
    #expect(page.mistakes.isEmpty)
    #expect(page.elements.count { $0 == "td" } == 7 && page.elements.count { $0 == "th" } == 5)
    #expect(page.text.contains("100 %125 msdirect") && page.text.contains("35 %2 srelayed"))
    #expect(page.text.contains("Who reaches <whom>") && page.text.contains("<z>"))
    #expect(page.values(of: "title") == ["20 of 20 runs", "7 of 20 runs"])
    let colours = page.attributes.filter { $0.element == "td" }.map(\.value)
    #expect(colours.contains("heat5") && colours.contains("heat1") && colours.count { $0 == "none" } == 4)
  }

  @Test(
    "says 100 and 0 only where all and none succeeded",
    arguments: [
      (1000, 1000, 100, 5), (1000, 999, 99, 4), (1000, 1, 1, 0), (1000, 0, 0, 0), (3, 2, 67, 3), (0, 0, 0, 0),
    ])
  func percents(runs: Int, successes: Int, percent: Int, step: Int) {
    let cell = HeatMap.Cell(runs: runs, successes: successes)
    #expect(cell.percent == percent && cell.step == step)
  }
}

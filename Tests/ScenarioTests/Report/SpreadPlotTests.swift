import Testing
import Warren

@testable import WarrenScenarios

@Suite("A spread")
struct SpreadPlotTests {
  @Test("lies between whole powers of ten, which are as far from each other")
  func scale() {
    let scale = SpreadPlot.Scale([.milliseconds(75), .milliseconds(2400)])
    #expect(scale.ticks == [.milliseconds(10), .milliseconds(100), .seconds(1), .seconds(10)])
    for (place, tick) in scale.ticks.enumerated() {
      #expect(abs(scale.place(of: tick) - Double(place) / 3) < 0.001)
    }
    #expect(abs(SpreadPlot.Scale.decade(of: .milliseconds(250)) - 2.39794) < 0.0001)
    #expect(abs(SpreadPlot.Scale.decade(of: .microseconds(500)) + 0.30103) < 0.0001)
    #expect(scale.place(of: .zero) == 0 && scale.place(of: .seconds(1000)) == 1)
  }

  @Test("counts each time once")
  func counts() {
    let times = (1...100).map { Duration.milliseconds(10 * $0) }
    let plot = SpreadPlot(times: times, scale: SpreadPlot.Scale(times))
    #expect(plot.counts.reduce(0, +) == 100 && plot.counts.last! > plot.counts[0])
    #expect(plot.svg.text.contains("<title>100 times, from 10 ms to 1 s, 510 ms in the middle</title>"))
    #expect(SpreadPlot(times: [], scale: plot.scale).svg.text.isEmpty)
    #expect(SpreadPlot.Scale([]).decades.count >= 3)
  }
}

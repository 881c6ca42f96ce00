import Warren

/// How often something took how long, drawn small, on a scale that several of them share: each decade is as wide as the next.
struct SpreadPlot {
  /// The sorted times.
  var times: [Duration]
  var scale: Scale

  static let width = 200.0
  static let height = 30.0
  private static let bins = 66

  /// From where to where, in tenths of decades of a millisecond.
  struct Scale: Hashable {
    /// Powers of ten of milliseconds.
    var decades: ClosedRange<Int>

    /// Whole decades that hold all of these.
    init(_ times: some Sequence<Duration>) {
      let places = times.map { Self.decade(of: $0) }
      let (least, most) = (places.min() ?? 1, places.max() ?? 3)
      let low = Int(least.rounded(.down))
      decades = low...max(low + 2, Int(most.rounded(.up)))
    }

    /// The decimal logarithm of the time in milliseconds, to some digits; not below a tenth of one.
    static func decade(of time: Duration) -> Double {
      var (rest, decade) = (max(0.1, time.inMilliseconds), 0.0)
      while rest >= 10 { (rest, decade) = (rest / 10, decade + 1) }
      while rest < 1 { (rest, decade) = (rest * 10, decade - 1) }
      // Digit by digit: a number's tenth power has as many digits as a tenth is of its logarithm.
      var digit = 1.0
      for _ in 0..<5 {
        digit /= 10
        var power = 1.0
        for _ in 0..<10 { power *= rest }
        rest = power
        while rest >= 10 { (rest, decade) = (rest / 10, decade + digit) }
      }
      return decade
    }

    /// Where a time is: 0 at the beginning, 1 at the end.
    func place(of time: Duration) -> Double {
      let place = (Self.decade(of: time) - Double(decades.lowerBound)) / Double(decades.count - 1)
      return min(1, max(0, place))
    }

    /// The times at which decades begin.
    var ticks: [Duration] {
      decades.map { decade in
        var time = Duration.milliseconds(1)
        for _ in 0..<abs(decade) { time = decade < 0 ? time / 10 : time * 10 }
        return time
      }
    }
  }

  /// How many times fall in which part.
  var counts: [Int] {
    var counts = Array(repeating: 0, count: Self.bins)
    for time in times { counts[min(Self.bins - 1, Int(scale.place(of: time) * Double(Self.bins)))] += 1 }
    return counts
  }

  private static func x(_ place: Double) -> Double { 4 + place * (width - 8) }

  /// The picture; what it says stands in the table, too.
  var svg: Markup {
    guard let first = times.first, let last = times.last else { return "" }
    let most = Double(counts.max() ?? 1)
    let step = (Self.width - 8) / Double(Self.bins)
    let middle = times[times.count / 2]
    let bars = counts.enumerated().filter { $1 > 0 }.map { place, count -> Markup in
      let height = 3 + (Self.height - 9) * Double(count) / most
      let x = 4 + Double(place) * step
      return
        "<rect x=\"\(x)\" y=\"\(Self.height - 4 - height)\" width=\"\(step - 0.4)\" height=\"\(height)\"/>"
    }
    let grid = scale.ticks.map { tick -> Markup in
      let x = Self.x(scale.place(of: tick))
      return "<path class=\"grid\" d=\"M\(x) 2V\(Self.height - 4)\"/>"
    }
    let x = Self.x(scale.place(of: middle))
    return """
      <svg class="spread" role="img" viewBox="0 0 \(Self.width) \(Self.height)" width="\(Self.width)" height="\(Self.height)">\
      <title>\(times.count.counted("time")), from \(first.reading) to \(last.reading), \(middle.reading) in the middle</title>\
      \(grid)<path class="base" d="M0 \(Self.height - 4)H\(Self.width)"/>\(bars)<path class="middle" d="M\(x) \(Self.height - 4)l-3 4h6z"/></svg>
      """
  }

  /// A power of ten, as one, and short: `0.1 s`, `100 s`.
  static func name(of tick: Duration) -> String {
    guard tick >= .milliseconds(100) else { return tick.reading }
    return tick < .seconds(1) ? "0.1 s" : "\(tick.components.seconds) s"
  }

  /// The scale, to stand above the pictures.
  static func axis(_ scale: Scale) -> Markup {
    let ticks = scale.ticks.enumerated().map { place, tick -> Markup in
      let anchor: Markup = place == 0 ? "start" : place == scale.ticks.count - 1 ? "end" : "middle"
      return
        "<text x=\"\(x(scale.place(of: tick)))\" y=\"10\" text-anchor=\"\(anchor)\">\(name(of: tick))</text>"
    }
    return """
      <svg class="axis" aria-hidden="true" viewBox="0 0 \(width) 14" width="\(width)" height="14">\(ticks)</svg>
      """
  }
}

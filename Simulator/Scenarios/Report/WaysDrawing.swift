import Warren
import WarrenSimulator

/// Which kinds of ways the connections of a run took when, with what happened, and how much arrived.
struct WaysDrawing {
  private let talks: ArraySlice<Scenario.Talk>
  private let steps: ArraySlice<Step>
  private let arrivals: [(name: String, beats: [Int])]
  private let begun: Instant
  private let end: Duration

  private static let left = 190.0
  private static let chart = 700.0
  private static let right = 24.0
  private static let track = 30.0
  private static let pulse = 30.0

  init?(_ run: RunInDetail, of scenario: Scenario) {
    guard let outcome = run.outcome, !outcome.conversations.isEmpty else { return nil }
    (talks, begun) = (outcome.conversations.prefix(ScenarioLimits.tracks), outcome.begun)
    steps = run.steps(of: scenario).filter { !$0.isConnecting }.prefix(ScenarioLimits.marks)
    let ends =
      outcome.conversations.map { Self.end(of: $0, outcome.begun) }
      + run.steps(of: scenario).map { $0.isConnecting ? $0.time : $0.end }
    let last = max(.seconds(1), (ends.max() ?? .zero) * 1.02)
    end = last
    arrivals = scenario.peerNames.compactMap { name in
      run.recording.arrivals[name].map { (name, Array($0.prefix(1 + Int(last / ScenarioLimits.beat)))) }
    }
  }

  /// When the last of it was heard.
  private static func end(of talk: Scenario.Talk, _ begun: Instant) -> Duration {
    let last = max(talk.ended ?? .zero, talk.answered ?? .zero, talk.ways.last?.since ?? .zero)
    return begun.duration(to: talk.asked) + last
  }

  /// Room for what happened.
  private var top: Double { steps.isEmpty ? 8 : 48 }
  private var shownArrivals: ArraySlice<(name: String, beats: [Int])> { arrivals.prefix(8) }
  private var tracksEnd: Double { top + Double(talks.count) * Self.track }
  private var plotEnd: Double { tracksEnd + Double(shownArrivals.count) * Self.pulse + 8 }
  private var width: Double { Self.left + Self.chart + Self.right }
  private var height: Double { plotEnd + 26 }
  private func x(_ time: Duration) -> Double { Self.left + Self.chart * (time / end) }

  // MARK: The picture

  /// - Parameter title: what it shows.
  func svg(title: String) -> Markup {
    """
    <svg class="ways" role="img" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)"><title>\(title)</title>\
    \(axis)\(spans)\(talks.enumerated().map { draw($1, row: $0) })\(shownArrivals.enumerated().map { draw($1, row: $0) })\(marks)</svg>
    """
  }

  /// What happened, in words, with the numbers that stand in the picture.
  var legend: Markup {
    guard !steps.isEmpty else { return "" }
    return """
      <ol class="steps\((steps.count > 4 ? " many" : "") as Markup)">\(steps.map { "<li><b>\($0.time.reading)</b> \("\($0.action)")</li>" as Markup })</ol>
      """
  }

  private var axis: Markup {
    let second = end / .seconds(1)
    let step =
      [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600].first { second / $0 <= 8 } ?? 7200
    var markup = Markup()
    for count in 0...Int(second / step) {
      let time = Duration.milliseconds(Int((Double(count) * step * 1000).rounded()))
      let x = x(time)
      markup += """
        <path class="grid" d="M\(x) \(top - 4)V\(plotEnd)"/><text class="tick" x="\(x)" y="\(plotEnd + 16)">\(time == .zero ? "0" : time.reading)</text>
        """
    }
    return markup
  }

  /// What lasts is a shadow.
  private var spans: Markup {
    Markup(
      steps.filter { $0.end > $0.time }.map { step in
        """
        <rect class="span" x="\(x(step.time))" y="\(top - 4)" width="\(x(step.end) - x(step.time))" height="\(plotEnd - top + 4)"/>
        """
      })
  }

  private var marks: Markup {
    var markup = Markup()
    var lastOnRow = [-Double.infinity, -Double.infinity]
    for (place, step) in steps.enumerated() {
      let x = x(step.time)
      // Where two come close one is drawn higher; a third one between them covers.
      let row = x - lastOnRow[0] >= 18 ? 0 : 1
      lastOnRow[row] = x
      let y = row == 0 ? top - 14 : top - 32
      markup += """
        <g class="mark"><title>\(step.time.reading): \("\(step.action)")</title><path d="M\(x) \(y + 8)V\(plotEnd)"/>\
        <circle cx="\(x)" cy="\(y)" r="8"/><text x="\(x)" y="\(y + 3.5)">\(place + 1)</text></g>
        """
    }
    return markup
  }

  private func draw(_ talk: Scenario.Talk, row: Int) -> Markup {
    let y = top + Double(row) * Self.track + 4
    let asked = begun.duration(to: talk.asked)
    let last = Self.end(of: talk, begun)
    let name = Lettering.fitting("\(talk.caller) → \(talk.called)", in: Self.left - 14, size: 12)
    var markup: Markup = "<text class=\"label\" x=\"\(Self.left - 12)\" y=\"\(y + 14)\">\(name)</text>"
    let first = talk.ways.first.map { asked + $0.since } ?? last
    markup += "<path class=\"asking\" d=\"M\(x(asked)) \(y + 10)H\(x(first))\"/>"
    for (place, way) in talk.ways.enumerated() {
      let from = asked + way.since
      let to = place + 1 < talk.ways.count ? asked + talk.ways[place + 1].since : last
      markup += draw(
        way.kind, x(from), max(1.5, x(to) - x(from)), y, "\(from.reading) to \(to.reading)",
        besides: talk.answered.map { x(asked + $0) })
    }
    if let answered = talk.answered {
      let at = x(asked + answered)
      markup += """
        <g><title>heard after \(answered.reading)</title><circle class="heard" cx="\(at)" cy="\(y + 10)" r="3.5"/></g>
        """
    } else {
      markup += """
        <text class="unheard" x="\(max(x(asked), x(first)) + 6)" y="\(y + 14)">\(talk.failure.map { Lettering.fitting($0, in: 500, size: 11) } ?? "never heard of")</text>
        """
    }
    return markup
  }

  /// - Parameter mark: where there is something already that the word must stand beside.
  private func draw(
    _ kind: Path.Kind, _ x: Double, _ width: Double, _ y: Double, _ times: String, besides mark: Double?
  ) -> Markup {
    let room = Lettering.width(of: kind.rawValue, size: 11)
    let left = mark.map { $0 > x - 5 && $0 < x + room + 14 ? $0 + 8 : x + 8 } ?? x + 8
    var markup: Markup = """
      <g class="\(kind.drawnClass)"><title>\(kind.rawValue), from \(times)</title><rect x="\(x)" y="\(y)" width="\(width)" height="20" rx="2"/>
      """
    if left + room < x + width {
      markup += "<text x=\"\(left)\" y=\"\(y + 14)\">\(kind.rawValue)</text>"
    }
    return markup + "</g>"
  }

  /// How much arrives in each tenth of a second, or in as much as a point of the picture can show.
  private func draw(_ arrival: (name: String, beats: [Int]), row: Int) -> Markup {
    let bottom = tracksEnd + Double(row + 1) * Self.pulse + 2
    let together = max(1, arrival.beats.count / 350)
    let sums = stride(from: 0, to: arrival.beats.count, by: together).map { begin in
      arrival.beats[begin..<min(arrival.beats.count, begin + together)].reduce(0, +)
    }
    let scale = (Self.pulse - 8) / Double(max(1, sums.max() ?? 1)).squareRoot()
    var path: Markup = "M\(Self.left) \(bottom)"
    for (place, sum) in sums.enumerated() {
      let from = x(ScenarioLimits.beat * (place * together))
      let to = min(Self.left + Self.chart, x(ScenarioLimits.beat * ((place + 1) * together)))
      path += "L\(from) \(bottom - Double(sum).squareRoot() * scale)H\(to)"
    }
    let name = Lettering.fitting("arriving at \(arrival.name)", in: Self.left - 14, size: 11)
    return """
      <text class="label faint" x="\(Self.left - 12)" y="\(bottom - 4)">\(name)</text>\
      <path class="pulse" d="\(path)V\(bottom)z"/>
      """
  }
}

extension Path.Kind {
  /// How it looks.
  var drawnClass: Markup {
    switch self {
    case .direct: "direct"
    case .tcp: "tcp"
    case .relayed: "relayed"
    }
  }
}

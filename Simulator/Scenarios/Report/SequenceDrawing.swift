import Warren

/// A sequence as a picture: a column for each machine and NAT, and time downwards.
struct SequenceDrawing {
  private let sequence: PacketSequence
  private let clock: SequenceClock
  private let places: [String: Int]
  private let gap: Double

  private static let gutter = 78.0
  private static let margin = 112.0
  private static let head = 58.0
  private static let foot = 24.0
  private static let longBand = 70.0
  private static let letters = 11.0
  /// So far from the head of a tall picture, the columns are named again.
  private static let tall = 900.0

  init(_ sequence: PacketSequence) {
    self.sequence = sequence
    places = Dictionary(uniqueKeysWithValues: sequence.lanes.enumerated().map { ($1.name, $0) })
    let gaps = max(1, sequence.lanes.count - 1)
    gap = min(230, max(118, 740 / Double(gaps)))
    var moments: [SequenceClock.Moment] = []
    for (order, arrow) in sequence.arrows.enumerated() {
      moments += Self.moments(of: arrow.first, 2 * order, .start)
      if arrow.count > 1 { moments += Self.moments(of: arrow.last, 2 * order + 1, .last) }
    }
    for (order, note) in sequence.notes.enumerated() { moments.append(Self.moment(of: note, order)) }
    clock = SequenceClock(moments)
  }

  private var width: Double { Self.gutter + Double(sequence.lanes.count - 1) * gap + 2 * Self.margin }
  private var height: Double { Self.head + 30 + clock.end + Self.foot + (isTall ? 34 : 0) }
  private var isTall: Bool { clock.end > Self.tall }
  private func x(_ place: String) -> Double {
    Self.gutter + Self.margin + Double(places[place] ?? 0) * gap
  }
  private func y(_ moment: SequenceClock.Moment) -> Double { Self.head + 26 + clock[moment] }

  private static func moment(of note: PacketSequence.Note, _ order: Int) -> SequenceClock.Moment {
    SequenceClock.Moment(time: note.time, kind: .note, order: order)
  }

  /// What happens in the moment in which a packet is sent is as high as that.
  private static func moments(
    of journey: Journey, _ order: Int, _ kind: SequenceClock.Kind
  ) -> [SequenceClock.Moment] {
    journey.stops.map { stop in
      let isStart = stop.time == journey.start.time
      return SequenceClock.Moment(time: stop.time, kind: isStart ? kind : .arrival, order: order)
    }
  }

  // MARK: The picture

  /// - Parameter title: what it shows.
  func svg(title: String) -> Markup {
    """
    <svg class="sequence" role="img" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)"><title>\(title)</title>\
    \(lanes)\(times)\(sequence.notes.enumerated().map { draw($1, $0) })\
    \(sequence.arrows.enumerated().map { draw($1, $0) })</svg>
    """
  }

  private var lanes: Markup {
    let bottom = Self.head + 30 + clock.end + 8
    return Markup(
      sequence.lanes.map { lane in
        let x = x(lane.name)
        let name = Lettering.fitting(lane.name, in: gap - 8, size: 13)
        let role = Lettering.fitting(lane.role, in: gap - 8, size: Self.letters)
        var markup: Markup = """
          <path class="\(lane.isBox ? "box" : "machine")" d="M\(x) \(Self.head)V\(bottom)"/>\
          <text class="name" x="\(x)" y="26">\(name)</text><text class="role" x="\(x)" y="42">\(role)</text>
          """
        if isTall { markup += "<text class=\"name\" x=\"\(x)\" y=\"\(bottom + 24)\">\(name)</text>" }
        return markup
      })
  }

  /// When arrows begin, where there is room to say it.
  private var times: Markup {
    var last = -Double.infinity
    var markup = Markup()
    let starts = sequence.arrows.enumerated().map { place, arrow in
      SequenceClock.Moment(time: arrow.first.start.time, kind: .start, order: 2 * place)
    }
    let notes = sequence.notes.enumerated().map { Self.moment(of: $1, $0) }
    var told = ""
    for moment in (starts + notes).sorted() {
      let y = y(moment)
      let time = sequence.start.duration(to: moment.time).reading
      guard y - last >= 15, time != told else { continue }
      (last, told) = (y, time)
      markup += "<text class=\"time\" x=\"\(Self.gutter - 8)\" y=\"\(y + 3.5)\">\(time)</text>"
    }
    return markup
  }

  private func draw(_ note: PacketSequence.Note, _ order: Int) -> Markup {
    let y = y(Self.moment(of: note, order))
    let text = Lettering.fitting(note.text, in: width - Self.gutter - 8, size: Self.letters)
    return """
      <path class="\(note.isAnswer ? "answer" : "note")" d="M\(Self.gutter) \(y)H\(width)"/>\
      <text class="\(note.isAnswer ? "answer" : "note")" x="\(Self.gutter + 4)" y="\(y - 4)">\(text)</text>
      """
  }

  private func draw(_ arrow: Arrow, _ order: Int) -> Markup {
    let points = points(of: arrow.first, 2 * order, .start)
    let way = points.isForward ? 1.0 : -1.0
    let (x, y) = points.all[0]
    var markup: Markup =
      "<g class=\"\(arrow.drawnKind)\"><title>\(arrow.title(since: sequence.start))</title>"
    if arrow.count > 1 {
      let others = self.points(of: arrow.last, 2 * order + 1, .last)
      let last = others.all[0].y
      let isLong = last - y > Self.longBand
      // What lasts long would hide what happens meanwhile: it is a bar where it begins, and a shadow.
      markup +=
        "<path class=\"band\((isLong ? " long" : "") as Markup)\" d=\"M\((points.all + others.all.reversed()).path)z\"/>"
      if isLong { markup += "<path class=\"lasting\" d=\"M\(x) \(y)V\(last)\"/>" }
      markup += "<path class=\"later\" d=\"M\(others.all.path)\"/>"
    }
    markup += "<path d=\"M\(points.all.path)\"/>"
    markup += end(of: arrow.first, points.all, way)
    markup += """
      <text class="\(points.isForward ? "" : "back")" x="\(x + 7 * way)" y="\(y - 3.5)">\(arrow.label)</text></g>
      """
    return markup
  }

  private func end(of journey: Journey, _ points: [(x: Double, y: Double)], _ way: Double) -> Markup {
    let (x, y) = points.last!
    switch journey.end {
    case .open: return "<circle cx=\"\(x)\" cy=\"\(y)\" r=\"2\"/>"
    case .arrived:
      let before = points[points.count - 2]
      let (dx, dy) = (x - before.x, y - before.y)
      let length = max(1, (dx * dx + dy * dy).squareRoot())
      let (ux, uy) = (dx / length, dy / length)
      let (bx, by) = (x - 8 * ux, y - 8 * uy)
      return """
        <path class="head" d="M\(x) \(y)L\(bx - 3.2 * uy) \(by + 3.2 * ux)L\(bx + 3.2 * uy) \(by - 3.2 * ux)z"/>
        """
    case .refused(let reason), .lost(let reason):
      let room = way > 0 ? width - x - 12 : x - Self.gutter - 12
      let text = Lettering.fitting(reason, in: min(room, 1.6 * gap), size: Self.letters)
      return """
        <path class="cross" d="M\(x - 4) \(y - 4)l8 8m0 -8l-8 8"/>\
        <text class="why \(way > 0 ? "" : "back")" x="\(x + 9 * way)" y="\(y + 3.5)">\(text)</text>
        """
    }
  }

  /// The corners of a packet's way, and whether it goes to the right at first.
  private func points(
    of journey: Journey, _ order: Int, _ kind: SequenceClock.Kind
  ) -> (all: [(x: Double, y: Double)], isForward: Bool) {
    var all = zip(journey.stops, Self.moments(of: journey, order, kind)).map { (x($0.place), y($1)) }
    let last = all.last!
    let goesOn = if case .lost = journey.end { true } else { journey.end == .open && all.count == 1 }
    if goesOn {
      let way = sequence.direction(of: journey, among: places)
      all.append((last.0 + way * 0.45 * gap, last.1 + 5))
    }
    return (all, all.last!.0 >= all[0].0)
  }
}

extension Arrow {
  /// How it looks.
  fileprivate var drawnKind: String {
    let dies =
      switch first.end {
      case .refused, .lost: true
      case .arrived, .open: false
      }
    let kind = dies ? "dead" : first.end == .open ? "open" : ""
    return switch first.start.packet.transport {
    case .udp: "arrow \(kind)"
    case .tcp: "arrow tcp \(kind)"
    case .icmp: "arrow icmp \(kind)"
    }
  }
}

extension [(x: Double, y: Double)] {
  /// As a path, without its first letter.
  fileprivate var path: Markup {
    var markup = Markup()
    for (place, point) in enumerated() {
      markup += "\((place == 0 ? "" : "L") as Markup)\(point.x) \(point.y)"
    }
    return markup
  }
}

import Warren

/// On which kinds of ways connections went, as parts of a bar, with the numbers.
struct WaysBar {
  var kinds: [Path.Kind: Int]

  private static let width = 120.0

  private var parts: [(kind: Path.Kind, count: Int)] {
    Path.Kind.allCases.compactMap { kind in kinds[kind].map { (kind, $0) } }.filter { $0.count > 0 }
  }

  /// The picture, and the same in words.
  var html: Markup {
    let sum = Double(max(1, parts.reduce(0) { $0 + $1.count }))
    var x = 0.0
    var bars = Markup()
    for part in parts {
      let width = Self.width * Double(part.count) / sum
      bars += """
        <g class="\(part.kind.drawnClass)"><rect x="\(x)" y="0" width="\(max(1, width - 1))" height="9"/></g>
        """
      x += width
    }
    let words = parts.map { "\($0.kind.rawValue) \($0.count.reading)" }.joined(separator: ", ")
    guard !parts.isEmpty else { return "<span class=\"faint\">none</span>" }
    return """
      <svg class="bar ways" aria-hidden="true" viewBox="0 0 \(Self.width) 9" width="\(Self.width)" height="9">\(bars)</svg>\
      <span class="count">\(words)</span>
      """
  }
}

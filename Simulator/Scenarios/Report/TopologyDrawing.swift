import Warren
import WarrenSimulator

/// Who is where: the internet as a line, and what hangs on it, each machine within the boxes of its NATs.
struct TopologyDrawing {
  private let scenario: Scenario
  private let rows: [[Part]]

  private static let widest = 920.0
  private static let gap = 16.0
  private static let padding = 12.0
  private static let boxHead = 44.0
  private static let drop = 26.0
  private static let machineHeight = 58.0

  /// A machine, or a box with what is behind it, and its size.
  private struct Part {
    var node: Node
    var lines: [String]
    var parts: [Part]
    var width, height: Double
  }

  init(_ scenario: Scenario) {
    self.scenario = scenario
    var rows: [[Part]] = [[]]
    for node in scenario.network {
      let part = Self.part(node, scenario)
      let used = rows[rows.count - 1].reduce(0) { $0 + $1.width + Self.gap }
      if used > 0, used + part.width > Self.widest { rows.append([]) }
      rows[rows.count - 1].append(part)
    }
    self.rows = rows
  }

  private static func part(_ node: Node, _ scenario: Scenario) -> Part {
    switch node.kind {
    case .machine:
      let lines = [scenario.program(of: node.name).word, node.linkInWords].filter { !$0.isEmpty }
      return Part(
        node: node, lines: lines, parts: [], width: width(of: node.name, lines, least: 96),
        height: machineHeight)
    case .box(let configuration, _, _, let children):
      let lines = [
        ([configuration.word] + configuration.peculiarities + [node.linkInWords]).filter { !$0.isEmpty }
          .joined(separator: " · ")
      ]
      let parts = children.map { part($0, scenario) }
      let inner = parts.reduce(-gap) { $0 + $1.width + gap } + 2 * padding
      return Part(
        node: node, lines: lines, parts: parts, width: max(width(of: node.name, lines, least: 110), inner),
        height: boxHead + (parts.map(\.height).max() ?? 0) + drop + padding)
    }
  }

  private static func width(of name: String, _ lines: [String], least: Double) -> Double {
    let longest = lines.map { Lettering.width(of: $0, size: 11) }.max() ?? 0
    return min(300, max(least, Lettering.width(of: name, size: 13) + 24, longest + 24))
  }

  // MARK: The picture

  private var width: Double {
    rows.map { row in row.reduce(-Self.gap) { $0 + $1.width + Self.gap } }.max() ?? 0
  }

  /// - Parameter title: what it shows.
  func svg(title: String) -> Markup {
    var markup = Markup()
    var y = 0.0
    for row in rows {
      markup += """
        <path class="cable" d="M0 \(y + 18)H\(width)"/><text class="role" x="0" y="\(y + 11)">the internet</text>
        """
      var x = 0.0
      for part in row {
        markup += "<path class=\"cable\" d=\"M\(x + part.width / 2) \(y + 18)V\(y + 18 + Self.drop)\"/>"
        markup += draw(part, x, y + 18 + Self.drop)
        x += part.width + Self.gap
      }
      y += 18 + Self.drop + (row.map(\.height).max() ?? 0) + 20
    }
    let height = y - 18
    return """
      <svg class="topology" role="img" width="\(width + 2)" height="\(height)" viewBox="-1 0 \(width + 2) \(height)"><title>\(title)</title>\(markup)</svg>
      """
  }

  private func draw(_ part: Part, _ x: Double, _ y: Double) -> Markup {
    let isBox = !part.parts.isEmpty || part.node.machineNames.isEmpty
    let name = Lettering.fitting(part.node.name, in: part.width - 16, size: 13)
    let middle = x + part.width / 2
    let isPeer = !isBox && scenario.program(of: part.node.name).isEnd
    var markup: Markup = """
      <rect class="\(isBox ? "box" : isPeer ? "peer" : "machine")" x="\(x)" y="\(y)" width="\(part.width)" height="\(part.height)" rx="\(isBox ? 10 : 6)"/>\
      <text class="name" x="\(middle)" y="\(y + 21)">\(name)</text>
      """
    for (place, line) in part.lines.enumerated() {
      let text = Lettering.fitting(line, in: part.width - 12, size: 11)
      markup += """
        <text class="role" x="\(middle)" y="\(y + 36 + 14 * Double(place))"><title>\(line)</title>\(text)</text>
        """
    }
    let inner = part.parts.reduce(-Self.gap) { $0 + $1.width + Self.gap }
    var left = x + (part.width - inner) / 2
    for child in part.parts {
      let top = y + Self.boxHead + Self.drop
      markup += "<path class=\"cable\" d=\"M\(left + child.width / 2) \(y + Self.boxHead + 6)V\(top)\"/>"
      markup += draw(child, left, top)
      left += child.width + Self.gap
    }
    return markup
  }

  /// The same in words.
  var words: String { scenario.network.map { $0.inWords(scenario) }.joined(separator: "; ") }
}

extension Node {
  fileprivate func inWords(_ scenario: Scenario) -> String {
    switch kind {
    case .machine: "\(name) (\(scenario.program(of: name).word))"
    case .box(let configuration, _, _, let children):
      "behind \(name) (\(configuration.word)): "
        + children.map { $0.inWords(scenario) }.joined(separator: ", ")
    }
  }

  /// What is special of its link.
  fileprivate var linkInWords: String {
    guard let up, let down else { return "" }
    if let (name, _) = LinkPair.named.first(where: { $0.link == LinkPair(up: up, down: down) }) {
      return name == "access" ? "" : name
    }
    var words: [String] = []
    let loss = max(up.loss, down.loss)
    if loss > 0 { words.append("\((loss * 100).tenths) % loss") }
    if up.burstLoss != nil || down.burstLoss != nil { words.append("bursts of loss") }
    if up.latency != LinkConfiguration.access.latency { words.append(up.latency.reading) }
    if up.mtu != 1500 || down.mtu != 1500 { words.append("\(min(up.mtu, down.mtu)) bytes at most") }
    return words.joined(separator: ", ")
  }
}

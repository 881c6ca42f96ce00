import Warren

/// How often something succeeds for each pair of two lists, how long it takes, and on which kind of way it goes.
///
/// ```swift
/// var map = HeatMap("Who reaches whom", rows: ["full cone", "symmetric"], columns: ["full cone", "symmetric"])
/// map[0, 1] = HeatMap.Cell(runs: 20, successes: 20, median: .milliseconds(125), kind: .direct)
/// ```
public struct HeatMap: Hashable, Sendable {
  /// What it shows.
  public var title: String
  /// The names of its rows and columns.
  public var rows, columns: [String]
  /// What is known of each pair, a list for each row; nil where nothing was tried.
  public private(set) var cells: [[Cell?]]

  /// What is known of a pair.
  public struct Cell: Hashable, Sendable {
    /// How often it was tried, and how often it came about.
    public var runs, successes: Int
    /// How long it took, in the middle.
    public var median: Duration?
    /// On which kind of way it went most often.
    public var kind: Path.Kind?

    /// What is known of a pair.
    public init(runs: Int, successes: Int, median: Duration? = nil, kind: Path.Kind? = nil) {
      precondition(successes >= 0 && successes <= runs, "\(successes) of \(runs) runs cannot have succeeded")
      (self.runs, self.successes, self.median, self.kind) = (runs, successes, median, kind)
    }

    /// Of a hundred runs, so many have succeeded: 100 and 0 only where all and none did.
    public var percent: Int {
      guard runs > 0, successes > 0 else { return 0 }
      return successes == runs ? 100 : min(99, max(1, (200 * successes + runs) / (2 * runs)))
    }

    /// Which of six colours it has: the last one is for what always succeeds.
    var step: Int { percent == 100 ? 5 : percent / 20 }
  }

  /// One of which nothing is known yet.
  public init(_ title: String, rows: [String], columns: [String]) {
    (self.title, self.rows, self.columns) = (title, rows, columns)
    cells = Array(repeating: Array(repeating: nil, count: columns.count), count: rows.count)
  }

  /// What is known of a pair.
  public subscript(row: Int, column: Int) -> Cell? {
    get { cells[row][column] }
    set { cells[row][column] = newValue }
  }
}

extension HeatMap {
  /// As a table: what its colours say stands in each cell, too.
  package var html: Markup {
    """
    <figure class="heat"><div class="wide" tabindex="0" role="region" aria-label="\(title)"><table><caption>\(title)</caption>\
    <thead><tr><td></td>\(columns.map { "<th scope=\"col\"><span>\($0)</span></th>" as Markup })</tr></thead>\
    <tbody>\(zip(rows, cells).map(Self.row))</tbody></table></div>\
    <figcaption>\(Self.key)</figcaption></figure>
    """
  }

  private static func row(_ name: String, _ cells: [Cell?]) -> Markup {
    "<tr><th scope=\"row\">\(name)</th>\(cells.map(cell))</tr>"
  }

  private static func cell(_ cell: Cell?) -> Markup {
    guard let cell else { return "<td class=\"none\">–</td>" }
    let more = [cell.median?.reading, cell.kind?.rawValue].compactMap(\.self)
    return """
      <td class="heat\(cell.step)" title="\(cell.successes) of \(cell.runs) runs"><b>\(cell.percent) %</b>\(more.map { "<span>\($0)</span>" as Markup })</td>
      """
  }

  private static var key: Markup {
    let names = ["below 20 %", "20 %", "40 %", "60 %", "80 %", "always"]
    return """
      How many of the runs succeeded: \(names.enumerated().map { "<span class=\"key heat\($0)\">\($1)</span> " as Markup })\
      Beside it the time that it took, in the middle, and the usual kind of way.
      """
  }
}

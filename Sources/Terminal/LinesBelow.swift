/// Lines that stand at the bottom of a screen: what is written to replace them by others.
///
/// The cursor is always at the beginning of the row below them, so that whatever ends the program leaves the screen in order.
struct LinesBelow {
  private(set) var lines: [String] = []

  var isEmpty: Bool { lines.isEmpty }

  /// What a terminal of this size is sent. A screen that is too low shows the first lines alone.
  mutating func replaced(by new: [String], width: Int, height: Int) -> String {
    // Lines are narrower than the screen was when they were written; where it has become narrower they may take several rows.
    let rows = min(height - 1, lines.reduce(0) { $0 + max(1, ($1.columns + width - 1) / max(1, width)) })
    lines = new.prefix(height - 1).map { $0.cut(to: width - 1) }
    let erasing = rows > 0 ? "\r\u{1B}[\(rows)A\u{1B}[J" : ""
    return lines.reduce(erasing) { $0 + $1 + "\n" }
  }
}

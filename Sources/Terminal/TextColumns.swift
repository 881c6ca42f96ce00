import CEditLine

extension Unicode.Scalar {
  /// How many columns of a terminal it takes: none for an accent, two for most of East Asia.
  var columns: Int {
    value < 0x80 ? (value >= 0x20 && value != 0x7F ? 1 : 0) : max(0, Int(ce_columns(value)))
  }
}

extension StringProtocol {
  /// How many columns of a terminal it takes.
  var columns: Int { unicodeScalars.reduce(0) { $0 + $1.columns } }

  /// No more than `limit` columns of it: its middle gives way, since names differ at their ends.
  func shortened(to limit: Int) -> String {
    guard columns > limit else { return String(self) }
    guard limit > 1 else { return String(repeating: "…", count: Swift.max(0, limit)) }
    let end = (limit - 1) / 2
    return cut(to: limit - 1 - end) + "…" + String(String(reversed()).cut(to: end).reversed())
  }

  /// Its beginning, no more than `limit` columns wide.
  func cut(to limit: Int) -> String {
    var (text, width) = ("", 0)
    for character in self {
      width += String(character).columns
      if width > limit { break }
      text.append(character)
    }
    return text
  }

  /// With as many spaces behind it as it lacks.
  package func padded(to width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(0, width - columns))
  }
}

/// Words in columns, read downwards, as many beside each other as there is room for.
func arranged(_ words: [String], width: Int) -> [String] {
  let column = (words.map(\.columns).max() ?? 0) + 2
  let across = max(1, (width + 1) / column)
  let rows = (words.count + across - 1) / across
  return (0..<rows).map { row in
    let line = stride(from: row, to: words.count, by: rows).map { words[$0] }
    return line.dropLast().reduce("") { $0 + $1.padded(to: column) } + (line.last ?? "")
  }
}

import CEditLine

/// Where libedit puts the cursor for a line of which it has drawn the beginning: as many rows below the prompt's, in this column.
///
/// It does not say so itself, and whoever writes above the line has to know. The rules are those of its `refresh.c` and `chartype.c`.
struct CursorPlace: Equatable {
  private(set) var row = 0
  private(set) var column = 0

  /// - Parameters:
  ///   - text: what stands between the edge and the cursor, the prompt and what was typed.
  ///   - next: the character that the cursor is on.
  init(after text: some Sequence<Unicode.Scalar>, before next: Unicode.Scalar? = nil, width: Int) {
    for scalar in text {
      switch scalar {
      case "\n": (row, column) = (row + 1, 0)
      case "\t": column = column / 8 * 8 + 8
      default:
        let columns = Self.columns(of: scalar)
        // What takes two columns is not torn.
        if columns > 1, column + columns > width { (row, column) = (row + 1, 0) }
        column += columns
      }
      if column >= width { (row, column) = (row + 1, column - width) }
    }
    if let next, case let columns = next.columns, columns > 1, column + columns > width {
      (row, column) = (row + 1, 0)
    }
  }

  /// A character that is not to be seen is drawn as `^A`, or as its number: `\U+200B`.
  private static func columns(of scalar: Unicode.Scalar) -> Int {
    if scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) { return 2 }
    let columns = Int(ce_columns(scalar.value))
    return columns >= 0 ? columns : scalar.value > 0xFFFF ? 8 : 7
  }
}

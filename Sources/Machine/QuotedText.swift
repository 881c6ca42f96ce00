/// A text from outside as an error shows it: what could disturb a terminal made visible, no longer than a line, or
/// than `limit`.
package func quoted(_ text: String, limit: Int = 80) -> String {
  let shown = text.unicodeScalars.prefix(limit)
  let visible = shown.map { $0.escaped(asASCII: $0.couldDisturb) }.joined()
  return "\"\(visible)\"\(shown.endIndex == text.endIndex ? "" : "…")"
}

extension String {
  /// The same text without what could disturb a terminal: for what others say of why, which a person is shown as it is.
  package var undisturbing: String {
    guard unicodeScalars.contains(where: \.couldDisturb) else { return self }
    return String(UnicodeScalarView(unicodeScalars.map { $0.couldDisturb ? "\u{FFFD}" : $0 }))
  }
}

extension Unicode.Scalar {
  /// Whether it moves the cursor, turns the direction of writing, or is not to be seen.
  package var couldDisturb: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
    default: false
    }
  }
}

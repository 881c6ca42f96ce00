/// A word as an error shows it: what could disturb a terminal made visible, no longer than fits a line.
func quoted(_ word: String) -> String {
  let scalars = word.unicodeScalars.prefix(OptionsLimits.shownWord)
  let text = scalars.map { scalar in
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
      "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    default: String(scalar)
    }
  }
  return "\"\(text.joined())\"\(scalars.endIndex == word.unicodeScalars.endIndex ? "" : "…")"
}

import Warren

/// `text`, with as many spaces behind it as it lacks.
func pad(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

/// `1.25 s`; `never` for nothing.
func seconds(_ duration: Duration?) -> String {
  guard let duration else { return "never" }
  let hundredths = (duration.wholeNanoseconds + 5_000_000) / 10_000_000
  return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) s"
}

extension [Duration] {
  /// The one in the middle, where they are in their order; nil where there is none.
  var median: Duration? { isEmpty ? nil : self[count / 2] }
}

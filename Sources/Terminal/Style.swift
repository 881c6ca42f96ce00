/// How a piece of text is shown where there are colours: by what it means.
package enum Style: Sendable {
  case good
  case bad
  case quiet
  case strong

  /// The number of "select graphic rendition" (ECMA-48, 8.3.117).
  var rendition: String {
    switch self {
    case .good: "32"
    case .bad: "31"
    case .quiet: "2"
    case .strong: "1"
    }
  }
}

/// How much of everything there is, and why.
public enum OptionsLimits {
  /// What an error shows of a word, in characters: it is to stay one line.
  static let shownWord = 60
  /// No name is longer: what is, was not mistyped.
  static let nearestLength = 40
  /// Mistakes in a word that was meant to be another: more, and it is a guess.
  static let mistakes = 3
  /// A terminal's width and height where nobody knows better.
  public static let width = 80
  public static let height = 24
  /// Narrower, and nothing can be aligned; wider, and lines are hard to follow.
  public static let widths = 40...100
  /// Where summaries begin: what is longer has a line to itself.
  static let column = 26
  /// A line of mdoc: what mandoc's linter takes for long.
  static let manualWidth = 78
}

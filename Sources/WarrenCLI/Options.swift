/// The options of a command: words that begin with `--`, each with a whole number.
struct Options {
  private var values: [String: UInt64] = [:]

  /// Reads `arguments`, in which these options may stand.
  init(_ arguments: ArraySlice<String>, known: [String]) throws {
    var rest = arguments
    while let word = rest.popFirst() {
      guard known.contains(word) else { throw UsageError.unknownOption(word) }
      let value = rest.popFirst() ?? ""
      guard let number = UInt64(value) else { throw UsageError.badValue(value, option: word) }
      values[word] = number
    }
  }

  /// What was given for an option, if anything was.
  subscript(_ option: String) -> UInt64? { values[option] }
}

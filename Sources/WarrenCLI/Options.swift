/// The options of a command: words that begin with `--`, some of them with a value.
struct Options {
  private var values: [String: String] = [:]

  /// Reads `arguments`, in which these options may stand, and those without a value.
  init(_ arguments: ArraySlice<String>, known: [String], flags: [String] = []) throws {
    var rest = arguments
    while let word = rest.popFirst() {
      if flags.contains(word) {
        values[word] = ""
      } else if known.contains(word) {
        values[word] = rest.popFirst() ?? ""
      } else {
        throw UsageError.unknownOption(word)
      }
    }
  }

  /// What was given for an option, if anything was.
  subscript(_ option: String) -> String? { values[option] }

  /// The whole number that was given for an option, if anything was.
  func number(_ option: String) throws -> UInt64? {
    guard let value = values[option] else { return nil }
    guard let number = UInt64(value) else { throw UsageError.badValue(value, option: option) }
    return number
  }
}

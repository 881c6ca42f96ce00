/// The options of a command: words that begin with `--`, some of them with a value.
struct Options {
  private var values: [String: [String]] = [:]

  /// Reads `arguments`, in which these options may stand, and those without a value.
  init(_ arguments: ArraySlice<String>, known: [String], flags: [String] = []) throws {
    var rest = arguments
    while let word = rest.popFirst() {
      if flags.contains(word) {
        values[word, default: []].append("")
      } else if known.contains(word) {
        values[word, default: []].append(rest.popFirst() ?? "")
      } else {
        throw UsageError.unknownOption(word)
      }
    }
  }

  /// What was given for an option, if anything was: the last.
  subscript(_ option: String) -> String? { values[option]?.last }

  /// All that was given for an option that may be there more than once.
  func all(_ option: String) -> [String] { values[option] ?? [] }

  /// The whole number that was given for an option, if anything was.
  func number(_ option: String) throws -> UInt64? {
    guard let value = self[option] else { return nil }
    guard let number = UInt64(value) else { throw UsageError.badValue(value, option: option) }
    return number
  }
}

/// A ``ValueKind`` for those who do not know its type.
struct ErasedValueKind: Sendable {
  let name: String
  let expected: String
  let example: String
  let completion: ValueCompletion
  let read: @Sendable (String) throws -> (any Sendable)?

  /// What `word` means, which was given for what is called `label`.
  func value(of word: String, for label: String) throws(OptionsError) -> any Sendable {
    let value: (any Sendable)?
    do { value = try read(word) } catch let error as OptionsError {
      throw error
    } catch {
      throw OptionsError(.badValue, "\(label): \(error)")
    }
    if let value { return value }
    if let meant = nearest(to: word, among: completion.choices) {
      throw OptionsError(.badValue, "\(label) cannot be \(quoted(word)); did you mean \(meant)?")
    }
    if !completion.choices.isEmpty {
      throw OptionsError(.badValue, "\(label) wants \(expected), not \(quoted(word))")
    }
    throw OptionsError(.badValue, "\(label) wants \(expected), such as \(example), not \(quoted(word))")
  }
}

/// What was given to a command, read and found right.
public struct ParsedWords: Sendable {
  /// The words that are another program's.
  public internal(set) var passedOn: [String] = []
  private var values: [String: [any Sendable]] = [:]
  private let declared: Set<String>

  init(declared: [String]) { self.declared = Set(declared) }

  public subscript<Value>(option: Option<Value>) -> Value { option.assemble(values(of: option)) }

  public subscript<Value>(argument: Argument<Value>) -> Value { argument.assemble(values(of: argument)) }

  /// Whether somebody has given it, and nothing is assumed.
  public func has(_ word: any DeclaredWord) -> Bool { !values(of: word).isEmpty }

  private func values(of word: any DeclaredWord) -> [any Sendable] {
    precondition(declared.contains(word.label), "the command does not declare \(word.label)")
    return values[word.label] ?? []
  }

  func first(_ label: String) -> (any Sendable)? { values[label]?.first }

  func count(_ label: String) -> Int { values[label]?.count ?? 0 }

  mutating func add(_ value: any Sendable, for label: String) { values[label, default: []].append(value) }

  // MARK: Back to their types

  static func last<One>(_ values: [any Sendable]) -> One? {
    let all: [One] = all(values)
    return all.last
  }

  static func all<One>(_ values: [any Sendable]) -> [One] {
    values.map { value in
      guard let one = value as? One else { preconditionFailure("\(value) is not what its kind reads") }
      return one
    }
  }
}

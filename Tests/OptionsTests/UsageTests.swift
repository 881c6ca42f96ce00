import Testing

@testable import WarrenOptions

@Suite("What usage shows can be typed")
struct UsageTests {
  @Test("for each command, with and without what need not be there, and with each option", arguments: 0..<7)
  func parses(_ number: Int) throws {
    let node = Burrow.program.root.all[number]
    guard node.children.isEmpty else { return }
    let usage = Burrow.program.help(for: node.path).split(separator: "\n")[0].dropFirst(
      "Usage: burrow ".count)
    let needy = node.rules.filter { $0.kind == .needs }.map { $0.labels[0] }
    for words in calls(Array(usage.split(separator: " ").map(String.init)), of: node) {
      do { _ = try Burrow.program.request(words) } catch let error as OptionsError {
        // It goes only with another one, which is said elsewhere.
        #expect(error.code == .incomplete && needy.contains { words.contains($0) }, "\(words): \(error)")
      }
    }
  }

  /// All ways to read a line of usage.
  private func calls(_ usage: [String], of node: CommandNode) -> [[String]] {
    var calls: [[String]] = [[]]
    var rest = usage[...]
    while var word = rest.popFirst() {
      if word.hasPrefix("["), !word.contains("]") {
        while let more = rest.popFirst() {
          word += " " + more
          if more.contains("]") { break }
        }
      }
      let isOften = word.hasSuffix("...")
      let isOptional = word.hasPrefix("[")
      let inside = word.filter { !"[].".contains($0) }
      let values: [[String]] =
        inside == "OPTION" ? options(of: node) : [inside.split(separator: " ").map { example($0, node) }]
      var choices: [[String]] = isOptional ? [[]] : []
      choices += values
      // Two different options, where two of one are one too many.
      if isOften { choices += inside == "OPTION" ? [values[0] + ["--verbose"]] : values.map { $0 + $0 } }
      calls = calls.flatMap { call in choices.map { call + $0 } }
    }
    return calls
  }

  private func options(of node: CommandNode) -> [[String]] {
    node.options.filter { !$0.isRequired && $0.name != "help" }.flatMap { option -> [[String]] in
      // Of several examples the first.
      let value: [String] = option.kind.map { [String($0.example.prefix { $0 != "," })] } ?? []
      return option.spellings.map { [$0] + value }
    }
  }

  private func example(_ word: Substring, _ node: CommandNode) -> String {
    if let argument = node.arguments.first(where: { $0.name == word }) { return argument.kind.example }
    return node.options.first { $0.isRequired && $0.kind?.name == String(word) }?.kind?.example
      ?? String(word)
  }
}

import WarrenMachine

/// What Tab asks: which words could stand where one has been begun.
package struct CompletionQuestion: Hashable, Sendable {
  /// The words before the one that the cursor stands behind.
  package let wordsBefore: [String]
  /// The beginning of a word, empty behind a space.
  package let word: String

  /// - Parameter text: all that stands before the cursor.
  init(_ text: String) {
    let start = text.unicodeScalars.lastIndex { $0 == " " || $0 == "\t" }
    let end = start.map { text.unicodeScalars.index(after: $0) } ?? text.startIndex
    word = String(text[end...])
    wordsBefore = text[..<end].unicodeScalars.split { $0 == " " || $0 == "\t" }.map { String($0) }
  }
}

/// Says which words could stand there. It is called where lines are edited and waited for: what it says has to be known already.
package typealias Completer = @Sendable (CompletionQuestion) -> [String]

/// What becomes of a line where Tab was pressed.
struct Completion: Equatable {
  /// What is put in behind the cursor.
  let insertion: String
  /// What is shown above, since nothing can be put in.
  let choices: [String]

  /// - Parameter words: all that could stand there. Those that could disturb a terminal, which others may have chosen, are left out.
  init(of question: CompletionQuestion, among words: [String]) {
    let begun = Array(question.word.unicodeScalars)
    let fitting = Set(words).filter {
      $0.unicodeScalars.starts(with: begun) && !$0.unicodeScalars.contains(where: \.couldDisturb)
    }.sorted()
    guard var common = fitting.first.map({ Array($0.unicodeScalars) }) else {
      (insertion, choices) = ("", [])
      return
    }
    for word in fitting {
      common = zip(common, word.unicodeScalars).prefix { $0 == $1 }.map(\.0)
    }
    let added = String(String.UnicodeScalarView(common[begun.count...]))
    insertion = fitting.count == 1 ? added + " " : added
    choices = insertion.isEmpty ? fitting : []
  }
}

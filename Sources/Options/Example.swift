/// A line to type, and what it does.
public struct Example: Hashable, Sendable {
  public let line: String
  public let effect: String

  public init(_ line: String, _ effect: String) {
    self.line = line
    self.effect = effect
  }

  /// The words that a shell hands to `program` in this line: of each time that it is called there.
  func calls(of program: String) -> [[String]] {
    var calls: [[String]] = []
    var call: [String] = []
    for word in shellWords() + [.operator] {
      switch word {
      case .word(let text): call.append(text)
      case .operator:
        if call.first == program { calls.append(Array(call.dropFirst())) }
        call = []
      }
    }
    return calls
  }

  private enum ShellWord {
    case word(String)
    /// What ends a command's words; the name of a file behind `<` or `>` then begins what is no call.
    case `operator`
  }

  /// As much of a shell's grammar as examples need: quotes, backslashes, operators.
  private func shellWords() -> [ShellWord] {
    var words: [ShellWord] = []
    var word: String?
    var quote: Character?
    var isEscaped = false
    func end() {
      if let text = word { words.append(.word(text)) }
      word = nil
    }
    for letter in line {
      if isEscaped {
        word = (word ?? "") + String(letter)
        isEscaped = false
      } else if letter == "\\", quote != "'" {
        isEscaped = true
      } else if let open = quote {
        if letter == open { quote = nil } else { word?.append(letter) }
      } else if letter == "'" || letter == "\"" {
        quote = letter
        word = word ?? ""
      } else if letter == " " {
        end()
      } else if "|&;<>()".contains(letter) {
        end()
        words.append(.operator)
      } else {
        word = (word ?? "") + String(letter)
      }
    }
    end()
    return words
  }
}

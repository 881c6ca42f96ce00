/// Text in lines that are no wider than `width`, where words allow it; all but the first with `indent` before them.
func wrapped(_ text: String, width: Int, indent: Int = 0, firstColumn: Int? = nil) -> String {
  wrapped(text.split(separator: " ").map(String.init), width: width, indent: indent, firstColumn: firstColumn)
}

/// The same with words that may have spaces in them.
///
/// - Parameter firstColumn: where the first line begins; at `indent` if nothing is said, and then that is written too.
func wrapped(_ words: [String], width: Int, indent: Int = 0, firstColumn: Int? = nil) -> String {
  let margin = String(repeating: " ", count: indent)
  var text = firstColumn == nil ? margin : ""
  var column = firstColumn ?? indent
  var isFirst = true
  for word in words {
    if isFirst {
      text += word
      column += word.count
    } else if column + 1 + word.count <= width {
      text += " " + word
      column += 1 + word.count
    } else {
      text += "\n" + margin + word
      column = indent + word.count
    }
    isFirst = false
  }
  return text
}

/// The paragraphs of a text, each without its line breaks.
func paragraphs(_ text: String) -> [String] {
  var paragraphs: [String] = []
  var lines: [Substring] = []
  for line in text.split(separator: "\n", omittingEmptySubsequences: false) + [Substring()] {
    if line.isEmpty {
      if !lines.isEmpty { paragraphs.append(lines.joined(separator: " ")) }
      lines = []
    } else {
      lines.append(line)
    }
  }
  return paragraphs
}

/// Some words as a sentence.
func sentence(_ words: String) -> String { words.prefix(1).uppercased() + words.dropFirst() + "." }

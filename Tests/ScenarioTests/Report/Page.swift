/// A page as a strict reader sees it: as XML, without entities of its own. What is wrong with it is told, not mended.
struct Page {
  private(set) var mistakes: [String] = []
  /// The names of all elements, in their order.
  private(set) var elements: [String] = []
  private(set) var attributes: [(element: String, name: String, value: String)] = []
  /// All text, but for styles and scripts.
  private(set) var text = ""
  private var open: [String] = []
  private var rest: Substring

  init(_ html: String) {
    rest = html[...]
    if rest.hasPrefix("<!DOCTYPE html>") { rest = rest.dropFirst(15) } else { mistakes.append("no doctype") }
    while !rest.isEmpty, mistakes.count < 10 {
      let words = rest.prefix { $0 != "<" }
      take(words)
      rest = rest[words.endIndex...]
      if !rest.isEmpty { readTag() }
    }
    if !open.isEmpty { mistakes.append("left open: \(open)") }
    let ids = values(of: "id")
    if Set(ids).count != ids.count { mistakes.append("an id is there twice") }
  }

  func values(of name: String) -> [String] { attributes.filter { $0.name == name }.map(\.value) }

  private mutating func take(_ words: Substring) {
    let isText = open.last != "style" && open.last != "script"
    let read = unescaped(words)
    if isText { text += read }
    if open.isEmpty, words.contains(where: { !$0.isWhitespace }) { mistakes.append("text outside: \(words)") }
  }

  private mutating func unescaped(_ text: Substring) -> String {
    var (read, rest) = ("", text)
    while let start = rest.firstIndex(of: "&") {
      read += rest[..<start]
      let entities = [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'")]
      guard let (name, letter) = entities.first(where: { rest[start...].hasPrefix($0.0) }) else {
        mistakes.append("no entity: \(rest[start...].prefix(20))")
        return read
      }
      read += letter
      rest = rest[start...].dropFirst(name.count)
    }
    return read + rest
  }

  private mutating func readTag() {
    guard let end = rest.firstIndex(of: ">") else { return mistakes.append("an open tag") }
    var tag = rest[rest.index(after: rest.startIndex)..<end]
    rest = rest[rest.index(after: end)...]
    if tag.hasPrefix("/") {
      if open.last == String(tag.dropFirst()) {
        open.removeLast()
      } else {
        mistakes.append("</\(tag.dropFirst())> in \(open)")
      }
      return
    }
    let isEmpty = tag.hasSuffix("/")
    if isEmpty { tag = tag.dropLast() }
    let name = String(tag.prefix { $0.isLetter || $0.isNumber })
    if name.isEmpty { mistakes.append("no name: <\(tag)") }
    elements.append(name)
    if !isEmpty { open.append(name) }
    readAttributes(tag.dropFirst(name.count), of: name)
  }

  private mutating func readAttributes(_ text: Substring, of element: String) {
    var rest = text
    var names: Set<String> = []
    while rest.first == " " {
      rest = rest.dropFirst()
      let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "-" }
      rest = rest[name.endIndex...]
      guard !name.isEmpty, rest.hasPrefix("=\""), names.insert(String(name)).inserted else { break }
      let value = rest.dropFirst(2).prefix { $0 != "\"" }
      attributes.append((element, String(name), unescaped(value)))
      rest = rest[value.endIndex...].dropFirst()
    }
    if !rest.isEmpty { mistakes.append("no attribute of \(element): \(rest)") }
  }
}

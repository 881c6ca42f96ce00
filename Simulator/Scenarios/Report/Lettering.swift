/// How wide text is in a drawing, about: what draws it has fonts of its own.
package enum Lettering {
  /// The width of `text` in letters of this size.
  package static func width(of text: String, size: Double) -> Double {
    text.reduce(0) { $0 + width(of: $1) } * size
  }

  /// As much of `text` as fits, with `…` for what does not.
  package static func fitting(_ text: String, in room: Double, size: Double) -> String {
    guard width(of: text, size: size) > room else { return text }
    var (kept, used) = ("", width(of: "…") * size)
    for letter in text {
      used += width(of: letter) * size
      guard used <= room else { break }
      kept.append(letter)
    }
    while kept.last == " " { kept.removeLast() }
    return kept + "…"
  }

  /// Parts of an em: those of a usual sans-serif font, rounded up.
  private static func width(of letter: Character) -> Double {
    switch letter {
    case " ", "i", "j", "l", "I", "'", "|", ".", ",", ":", ";", "!": 0.3
    case "f", "r", "t", "(", ")", "[", "]", "/", "-": 0.38
    case "m", "w", "M", "W", "@", "%", "…", "→", "×": 0.9
    case "A"..."Z": 0.68
    case "a"..."z", "0"..."9": 0.54
    // Letters of other scripts are taken for as wide as they are high.
    default: 1
    }
  }
}

extension String {
  /// As bash and zsh read it back.
  var shellQuoted: String { "'" + replacing("'", with: "'\\''") + "'" }

  /// As fish reads it back.
  var fishQuoted: String { "'" + replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'" }

  /// The same with `new` for each `old`.
  func replacing(_ old: Character, with new: String) -> String {
    reduce(into: "") { text, letter in if letter == old { text += new } else { text.append(letter) } }
  }

  /// What a function of a shell may be called.
  var asFunctionName: String { String(map { $0.isLetter || $0.isNumber ? $0 : "_" }) }
}

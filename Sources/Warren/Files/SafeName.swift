import WarrenMachine

/// Names of files as they may stand on this machine, whatever somebody else has called them.
enum SafeName {
  /// What stands in the name of a file that has not arrived as a whole.
  static let part = ".part"
  /// What begins the name of a note beside it.
  static let note = ".warren-"

  /// A name like `raw` that is one name: no way to another folder, nothing that disturbs a terminal, no more than a file system
  /// takes. Letters of all scripts, and what joins them, stay.
  static func made(of raw: String) -> String {
    var name = String(String.UnicodeScalarView(raw.unicodeScalars.lazy.map { isPlain($0) ? $0 : "_" }))
    name = trimmed(name)
    if name.isEmpty { name = "unnamed" }
    if name == "." || name == ".." { name = String(repeating: "_", count: name.utf8.count) }
    if name.lowercased().hasSuffix(part) { name += "_" }
    if name.lowercased().hasPrefix(note) { name = "_" + name }
    return shortened(name)
  }

  /// The name that is tried next where something has this one: `name (1).txt`; a folder's `name (1)`.
  static func numbered(_ name: String, _ number: Int, isFolder: Bool) -> String {
    number == 0 ? name : shortened(name, adding: " (\(number))", isFolder: isFolder)
  }

  /// Each file and folder under a name of its own, in the order in which they were listed.
  static func names(of manifest: FileManifest) -> [String] {
    // Of each folder, what is taken, and up to which number for each name: somebody may send one name many times.
    var taken = [[String: Int]](repeating: [:], count: manifest.entries.count)
    return manifest.entries.enumerated().map { index, entry in
      let name = made(of: entry.name)
      guard index > 0 else { return name }
      while true {
        let number = taken[entry.parent][name, default: 0]
        taken[entry.parent][name] = number + 1
        let candidate = numbered(name, number, isFolder: entry.isFolder)
        if number == 0 { return candidate }
        if taken[entry.parent][candidate] == nil {
          taken[entry.parent][candidate] = 1
          return candidate
        }
      }
    }
  }

  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    // What is a separator anywhere.
    if scalar.isASCII { return scalar.value >= 32 && scalar.value < 127 && scalar != "/" && scalar != "\\" }
    switch scalar {
    // What joins letters, and people in pictures of families.
    case "\u{200C}", "\u{200D}", "\u{E0020}"..."\u{E007F}": return true
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return false
    default: return true
    }
  }

  private static func trimmed(_ name: String) -> String {
    func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }
    let scalars = name.unicodeScalars
    guard let first = scalars.firstIndex(where: { !isSpace($0) }),
      let last = scalars.lastIndex(where: { !isSpace($0) })
    else { return "" }
    return String(scalars[first...last])
  }

  /// Takes characters from the end of what stands before the extension, until the whole has room.
  private static func shortened(_ name: String, adding suffix: String = "", isFolder: Bool = false) -> String
  {
    let (stem, ending) = isFolder ? (name[...], ""[...]) : split(name)
    let room = FileLimits.nameBytes - suffix.utf8.count - ending.utf8.count
    return cut(stem, to: room) + suffix + ending
  }

  /// What stands before the extension, and the extension with its point.
  private static func split(_ name: String) -> (Substring, Substring) {
    guard let point = name.lastIndex(of: "."), point > name.startIndex else { return (name[...], "") }
    let ending = name[point...]
    guard ending.utf8.count <= FileLimits.extensionBytes, !ending.contains(where: \.isWhitespace) else {
      return (name[...], "")
    }
    return (name[..<point], ending)
  }

  private static func cut(_ text: Substring, to room: Int) -> String {
    guard text.utf8.count > room else { return String(text) }
    var (kept, size) = ("", 0)
    for character in text {
      size += character.utf8.count
      guard size <= room else { break }
      kept.append(character)
    }
    if !kept.isEmpty { return kept }
    // One character with hundreds of accents.
    var scalars = String.UnicodeScalarView()
    size = 0
    for scalar in text.unicodeScalars {
      size += UTF8.width(scalar)
      guard size <= room else { break }
      scalars.append(scalar)
    }
    return String(scalars)
  }
}

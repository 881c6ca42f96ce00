/// The one of `names` that was probably meant by `word`: the only one that begins with it, or the one with the fewest mistakes,
/// where these are few.
public func nearest(to word: String, among names: [String]) -> String? {
  guard word.count <= OptionsLimits.nearestLength else { return nil }
  let longer = names.filter { $0.hasPrefix(word) }
  if word.count > 1, longer.count == 1 { return longer[0] }
  // A third of it may be wrong, and something has to be right.
  let limit = min(OptionsLimits.mistakes, max(1, (word.count + 1) / 3), word.count - 1)
  let guesses = names.map { (name: $0, count: mistakes(Array(word), Array($0))) }
  return guesses.filter { $0.count <= limit }.min { $0.count < $1.count }?.name
}

/// The option that was probably meant by `word`, both without the dashes, which all have in common.
func nearestOption(to word: String, among options: [OptionDeclaration]) -> String? {
  var names: [String] = []
  for spelling in options.flatMap(\.spellings) where spelling.hasPrefix("--") {
    let name = String(spelling.dropFirst(2))
    if !names.contains(name) { names.append(name) }
  }
  return nearest(to: word, among: names)
}

/// How many letters are to be put in, left out, changed or swapped with their neighbour: Damerau's and Levenshtein's distance, no place
/// being changed twice.
func mistakes(_ word: [Character], _ name: [Character]) -> Int {
  var before: [Int] = []
  var last = Array(0...name.count)
  for i in word.indices {
    var row = [i + 1]
    for j in name.indices {
      var count = min(last[j + 1] + 1, row[j] + 1, last[j] + (word[i] == name[j] ? 0 : 1))
      if i > 0, j > 0, word[i] == name[j - 1], word[i - 1] == name[j] {
        count = min(count, before[j - 1] + 1)
      }
      row.append(count)
    }
    (before, last) = (last, row)
  }
  return last[name.count]
}

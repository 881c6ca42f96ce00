/// A place among the words of a command where something without a dash may stand, and what may.
struct CompletionPlace: Sendable {
  let name: String
  /// How many such words stand before it at least.
  let number: Int
  /// Whether it is every place from there on.
  let isOpen: Bool
  let isRequired: Bool
  let completion: ValueCompletion
}

extension CommandNode {
  /// The places of its arguments. What stands behind words of which nobody knows how many there are is not told from them.
  var places: [CompletionPlace] {
    let open = arguments.firstIndex(where: \.takesRest) ?? arguments.count
    var places = arguments.prefix(open).enumerated().map { number, argument in
      CompletionPlace(
        name: argument.name, number: number, isOpen: false, isRequired: argument.use == .one,
        completion: argument.kind.completion)
    }
    let behind = arguments.dropFirst(open)
    if let first = behind.first {
      places.append(
        CompletionPlace(
          name: first.name, number: open, isOpen: true, isRequired: false,
          completion: Self.union(behind.map(\.kind.completion))))
    } else if let name = description.passedOn {
      places.append(
        CompletionPlace(name: name, number: open, isOpen: true, isRequired: false, completion: .file))
    }
    return places
  }

  /// A shell can offer files or words, not both: files need no list.
  private static func union(_ all: [ValueCompletion]) -> ValueCompletion {
    let choices = all.flatMap(\.choices)
    return all.first { $0 == .file || $0 == .folder } ?? (choices.isEmpty ? .nothing : .choices(choices))
  }

  /// The options that take a value.
  var valueOptions: [(option: OptionDeclaration, kind: ErasedValueKind)] {
    options.compactMap { option in option.kind.map { (option, $0) } }
  }
}

/// Completions for fish: a function that walks the words, and a line for whatever may stand somewhere.
struct FishCompletions {
  private let root: CommandNode
  private let name: String
  private let function: String

  init(_ root: CommandNode) {
    self.root = root
    name = root.description.name
    function = "__" + name.asFunctionName
  }

  var text: String {
    """
    # Completions of \(name) for fish. To have them now: \(name) completions fish | source

    # Whether $argv is a command, and then a command of it.
    function \(function)_has
      contains -- "$argv" \(paths)
    end

    # Whether $argv is a command, and then an option of it that wants a value.
    function \(function)_awaits
      contains -- "$argv" \(awaiting)
    end

    # Whether the words so far are those of the command $argv[1], and, if there are more, as many others as one of these says.
    function \(function)_is
      set -l command \(name.fishQuoted)
      set -l place 0
      set -l awaited 0
      set -l over 0
      for word in (commandline -opc)[2..-1]
        if test $awaited = 1
          set awaited 0
        else if test $over = 0 -a "$word" = --
          set over 1
        else if test $over = 0; and string match -q -- '-?*' $word
          if \(function)_awaits $command $word
            set awaited 1
          else if not string match -q -- '--*' $word; and \(function)_awaits $command -(string sub -s -1 -- $word)
            set awaited 1
          end
        else if \(function)_has $command $word
          set command "$command $word"
        else
          set place (math $place + 1)
        end
      end
      test "$command" = "$argv[1]"; or return 1
      set -e argv[1]
      if not set -q argv[1]
        return 0
      else if test "$argv[1]" = from
        test $place -ge $argv[2]
      else
        contains -- $place $argv
      end
    end

    complete -c \(name) -e
    complete -c \(name) -f
    \(root.all.flatMap(lines).joined(separator: "\n"))

    """
  }

  private var paths: String {
    let helps = root.all.filter { !$0.children.isEmpty }.map { "\($0.name) help" }
    return (root.all.dropFirst().map(\.name) + helps).map(\.fishQuoted).joined(separator: " ")
  }

  private var awaiting: String {
    root.all.flatMap { node in
      node.valueOptions.flatMap { $0.option.spellings.map { "\(node.name) \($0)" } }
    }.map(\.fishQuoted).joined(separator: " ")
  }

  private func lines(of node: CommandNode) -> [String] {
    commands(of: node) + node.places.map { place(of: node, $0) }
      + node.options.flatMap { option(of: node, $0) }
  }

  private func line(when condition: String, _ rest: String) -> String {
    "complete -c \(name) -n \("\(function)_is \(condition)".fishQuoted) \(rest)"
  }

  private func commands(of node: CommandNode) -> [String] {
    guard !node.children.isEmpty else { return [] }
    let path = node.name.fishQuoted
    let children = node.children.map { ($0.description.name, $0.description.summary) }
    return (children + [("help", "explain a command")]).map { name, summary in
      line(when: "\(path) 0", "-a \(name) -d \(summary.fishQuoted)")
    }
      + children.map { name, summary in
        line(when: "\("\(node.name) help".fishQuoted) 0", "-a \(name) -d \(summary.fishQuoted)")
      }
  }

  private func place(of node: CommandNode, _ place: CompletionPlace) -> String {
    let numbers = place.isOpen ? "from \(place.number)" : "\(place.number)"
    return line(
      when: "\(node.name.fishQuoted) \(numbers)", offered(place.completion) + " -d \(place.name.fishQuoted)")
  }

  private func option(of node: CommandNode, _ option: OptionDeclaration) -> [String] {
    let short = option.short.map { "-s \($0) " } ?? ""
    let value =
      option.kind.map { ($0.completion == .file ? "-r " : "-x ") + offered($0.completion) + " " } ?? ""
    let text = "\(value)-d \(option.summary.fishQuoted)"
    let path = node.name.fishQuoted
    var lines = [line(when: path, "\(short)-l \(option.name) \(text)")]
    if option.use == .flag(isNegatable: true) {
      lines.append(line(when: path, "-l no-\(option.name) \(text)"))
    }
    return lines
  }

  private func offered(_ completion: ValueCompletion) -> String {
    switch completion {
    case .nothing: ""
    case .file: "-F"
    case .folder: "-a '(__fish_complete_directories)'"
    case .choices(let choices): "-a \(choices.map(\.fishQuoted).joined(separator: " ").fishQuoted)"
    }
  }
}

/// Completions for zsh: a function of `_arguments` for each command.
struct ZshCompletions {
  private let root: CommandNode

  init(_ root: CommandNode) { self.root = root }

  var text: String {
    let functions = root.all.map { $0.children.isEmpty ? leaf($0) : branch($0) }
    let name = function(root)
    return """
      #compdef \(root.name)
      # Completions of \(root.name) for zsh: a file _\(root.name) in a folder of $fpath,
      # or at once, behind compinit: eval "$(\(root.name) completions zsh)"

      \(functions.joined(separator: "\n"))
      if [[ $funcstack[1] == \(name) ]]; then
        \(name) "$@"
      else
        compdef \(name) \(root.name)
      fi

      """
  }

  private func function(_ node: CommandNode) -> String { "_" + node.name.asFunctionName }

  /// One that does something.
  private func leaf(_ node: CommandNode) -> String {
    let specifications = node.options.map { option($0, of: node) } + node.places.map { place($0, of: node) }
    return choices(of: node) + """
      \(function(node))() {
        _arguments -s -S : \(Self.lines(specifications))
      }

      """
  }

  /// One that has others.
  private func branch(_ node: CommandNode) -> String {
    let name = function(node)
    let specifications =
      node.options.map { option($0, of: node) } + ["'1:command:\(name)__commands'", "'*::word:->rest'"]
    let names = node.children.map(\.description.name)
    let described = node.children.map { "\($0.description.name):\($0.description.summary)".shellQuoted }
    let calls = node.children.map { "    \($0.description.name)) \(function($0)) && result=0 ;;" }
    return choices(of: node) + """
      \(name)__commands() {
        local -a commands=(
          \(described.joined(separator: "\n    "))
          'help:explain a command'
        )
        _describe -t commands command commands
      }
      \(name)__helped() {
        local -a commands=(\(names.joined(separator: " ")))
        compadd "$@" -a commands
      }
      \(name)() {
        local curcontext=$curcontext state state_descr result=1
        local -a line
        local -A opt_args
        _arguments -s -S -C -A '-*' : \(Self.lines(specifications)) && result=0
        if [[ $state == rest ]]; then
          case $words[1] in
          \(calls.joined(separator: "\n    "))
            help) _arguments ':command:\(name)__helped' && result=0 ;;
          esac
        fi
        return result
      }

      """
  }

  private static func lines(_ specifications: [String]) -> String {
    specifications.map { "\\\n    \($0)" }.joined(separator: " ")
  }

  private func option(_ option: OptionDeclaration, of node: CommandNode) -> String {
    let isOften = option.use == .repeated || option.use == .counted
    let spellings = option.spellings
    let marks = spellings.map { spelling in
      spelling + (option.kind == nil ? "" : spelling.hasPrefix("--") ? "=" : "+")
    }
    let excluded = isOften || spellings.count == 1 ? "" : "(\(spellings.joined(separator: " ")))"
    let beginning = (isOften ? "*" : excluded).shellQuoted
    let names = marks.count == 1 ? marks[0] : "{\(marks.joined(separator: ","))}"
    let value =
      option.kind.map { ":\($0.name):\(action($0.completion, "\(function(node))__\(option.name)"))" } ?? ""
    return (beginning == "''" ? "" : beginning) + names
      + "[\(Self.escaped(option.summary))]\(value)".shellQuoted
  }

  private func place(_ place: CompletionPlace, of node: CommandNode) -> String {
    // An action that says nothing would keep options from being completed here.
    let message = "{_message \(Self.escaped(place.name))}"
    let action =
      place.completion == .nothing ? message : action(place.completion, "\(function(node))__\(place.name)")
    let mark = place.isOpen ? "*" : "\(place.number + 1)"
    return "\(mark)\(place.isRequired || place.isOpen ? ":" : "::")\(Self.escaped(place.name)):\(action)"
      .shellQuoted
  }

  private func action(_ completion: ValueCompletion, _ name: String) -> String {
    switch completion {
    case .nothing: " "
    case .file: "_files"
    case .folder: "_files -/"
    case .choices: name.asFunctionName
    }
  }

  /// Functions that offer what there is to choose from, whatever letters are in it.
  private func choices(of node: CommandNode) -> String {
    let all =
      node.valueOptions.map { ($0.option.name, $0.kind.completion) }
      + node.places.map { ($0.name, $0.completion) }
    return all.compactMap { name, completion -> String? in
      guard case .choices(let choices) = completion else { return nil }
      return """
        \("\(function(node))__\(name)".asFunctionName)() {
          local -a choices=(\(choices.map(\.shellQuoted).joined(separator: " ")))
          compadd "$@" -a choices
        }

        """
    }.joined()
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { text, letter in
      if "\\[]:".contains(letter) { text += "\\" }
      text.append(letter)
    }
  }
}

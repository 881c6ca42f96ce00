/// Completions for bash: one function that walks the words, and tables that it asks.
struct BashCompletions {
  private let root: CommandNode
  private let function: String

  init(_ root: CommandNode) {
    self.root = root
    function = "_" + root.description.name.asFunctionName
  }

  var text: String {
    """
    # Completions of \(root.name) for bash. To have them now: eval "$(\(root.name) completions bash)"

    # Whether $1 is a command that has a command $2.
    \(function)_has() {
      case "$1 $2" in
    \(arms(root.all.filter { $0.path.count > 1 }.map(\.name) + helpWords, "return 0"))
      esac
      return 1
    }

    # What the value of the option $2 of the command $1 is, if it takes one.
    \(function)_option() {
      case "$1 $2" in
    \(root.all.flatMap(optionArms).joined(separator: "\n"))
        *) return 1 ;;
      esac
    }

    # What may stand at place $2 of the command $1.
    \(function)_place() {
      case "$1 $2" in
    \(root.all.flatMap(placeArms).joined(separator: "\n"))
      esac
    }

    # All options of the command $1.
    \(function)_options() {
      case "$1" in
    \(root.all.map(optionsArm).joined(separator: "\n"))
      esac
    }

    # Sets `awaited` to the option of the command $1 in the word $2 that wants the next word.
    \(function)_await() {
      local letters kind candidates
      if [[ $2 == --* ]]; then
        if \(function)_option "$1" "$2"; then awaited=$2; fi
        return
      fi
      for ((letters = 1; letters < ${#2}; letters++)); do
        if \(function)_option "$1" "-${2:letters:1}"; then
          if ((letters + 1 == ${#2})); then awaited=-${2:letters:1}; fi
          return
        fi
      done
    }

    \(function)() {
      local IFS=$' \\t\\n' current=${COMP_WORDS[COMP_CWORD]} command=\(root.name.shellQuoted)
      local place=0 awaited= areOver= prefix= kind=nothing candidates=() word i
      COMPREPLY=()
      for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $awaited ]]; then
          # Where = parts words, it stands between an option and its value.
          if [[ $word != '=' ]]; then awaited=; fi
        elif [[ -z $areOver && $word == -- ]]; then
          areOver=1
        elif [[ -z $areOver && $word == -?* ]]; then
          \(function)_await "$command" "$word"
        elif \(function)_has "$command" "$word"; then
          command+=" $word"
        else
          ((place += 1))
        fi
      done
      if [[ $awaited && $current == '=' ]]; then
        current=
      elif [[ -z $awaited && -z $areOver && $current == --*=* ]]; then
        awaited=${current%%=*}
        prefix=$awaited=
        current=${current#*=}
      fi
      if [[ $awaited ]]; then
        \(function)_option "$command" "$awaited"
      elif [[ -z $areOver && $current == -* ]]; then
        kind=choices
        \(function)_options "$command"
      else
        \(function)_place "$command" "$place"
      fi
      # For files nothing is said here: readline then looks for them itself.
      case $kind in
        nothing) compopt +o default 2>/dev/null ;;
        folder) compopt +o default -o dirnames 2>/dev/null ;;
        choices)
          compopt +o default 2>/dev/null
          for word in "${candidates[@]}"; do
            if [[ $current == [\\"\\']* ]]; then
              if [[ $word == "${current:1}"* ]]; then COMPREPLY+=("$prefix$word"); fi
            else
              printf -v word %q "$word"
              if [[ $word == "$current"* ]]; then COMPREPLY+=("$prefix$word"); fi
            fi
          done
          ;;
      esac
      return 0
    }

    complete -o default -F \(function) \(root.name)

    """
  }

  private func arms(_ patterns: [String], _ body: String) -> String {
    patterns.isEmpty ? "" : "    \(patterns.map(\.shellQuoted).joined(separator: " | ")) \(")") \(body) ;;"
  }

  private var helpWords: [String] { root.all.filter { !$0.children.isEmpty }.map { "\($0.name) help" } }

  private func optionArms(of node: CommandNode) -> [String] {
    node.valueOptions.map { option, kind in
      arms(option.spellings.map { "\(node.name) \($0)" }, assignment(kind.completion))
    }
  }

  private func placeArms(of node: CommandNode) -> [String] {
    if !node.children.isEmpty {
      let names = node.children.map(\.description.name)
      return [
        arms(["\(node.name) 0"], assignment(.choices(names + ["help"]))),
        arms(["\(node.name) help 0"], assignment(.choices(names))),
      ]
    }
    return node.places.map { place in
      // The first that fits counts: what is open stands behind what is not.
      place.isOpen
        ? "    \("\(node.name) ".shellQuoted)*) \(assignment(place.completion)) ;;"
        : arms(["\(node.name) \(place.number)"], assignment(place.completion))
    }
  }

  private func optionsArm(of node: CommandNode) -> String {
    arms(
      [node.name],
      "candidates=(\(node.options.flatMap(\.spellings).filter { $0.hasPrefix("--") }.joined(separator: " ")))"
    )
  }

  private func assignment(_ completion: ValueCompletion) -> String {
    switch completion {
    case .nothing: "kind=nothing"
    case .file: "kind=file"
    case .folder: "kind=folder"
    case .choices(let choices):
      "kind=choices candidates=(\(choices.map(\.shellQuoted).joined(separator: " ")))"
    }
  }
}

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The command `warren`.
@main
struct WarrenCommand {
  static let version = "0.1.0"

  static let help = """
    warren \(version): connects two programs directly, whatever NATs stand between them

    usage: warren demo [--seed N]   show an echo through two simulated NATs, and over loopback
           warren matrix [--seeds N] [--loss PERCENT] [--against FILE] [--kinds]
                                    show who gets through to whom, in a simulated internet
           warren trial ALICE BOB [--seed N] [--loss PERCENT] [--tcp]
                                    show packet by packet how two places of the matrix go about it
           warren connect [ALICE BOB] [--seeds N] [--seed N] [--loss PERCENT] [--asks] [--crosses] [--early] [--relay] [--against FILE]
                                    show which peers connect with which, and when the first byte is there
           warren storm [--seeds N] [--from N] [--seed N] [--faults N] [--loss PERCENT] [--only FAULT]
                                    show whether peers find each other again after everything has gone wrong
           warren paths [SCENARIO] [--seeds N] [--seed N]
                                    show what becomes of connections whose networks change while they are used
           warren idle [--minutes N] [--seed N]
                                    show how many bytes a connection costs over which nobody says anything
           warren contest [--seeds N]
                                    show how long the port of a hard NAT takes to find, beside others
           warren weather [WEATHER] [--seeds N] [--seed N] [--megabytes N] [--streams N] [--loopback]
                                    show which transfers over QUIC come through bad networks, and how fast
           warren swarm [--whole] [--nodes N] [--seeds N] [--seed N] [--loss PERCENT] [--hours N] [--rough]
                                    show whether the nodes of a mesh know each other, and what they say
           warren mesh NAME [--mesh MESH] [--secret SECRET] [--key FILE] [--port PORT] [--registry ADDRESS]
                       [--connect ADDRESS or KEY[@ADDRESS]]... [--downloads FOLDER] [--loopback] [--debug]
                                    be a node of a mesh: say to all what is typed, and show what happens
           warren mesh NAME --plaintext [--port PORT] [--connect ADDRESS]... [--debug]
                                    the same in the original's text protocol, which anybody on the way can read
           warren --version
           warren --help
    """

  static func main() async {
    do {
      try await run(Array(CommandLine.arguments.dropFirst()))
    } catch let error as UsageError {
      complain("warren: \(error.description)\ntry: warren --help", exitCode: 64)
    } catch {
      complain("warren: \(error)", exitCode: 1)
    }
  }

  static func run(_ arguments: [String]) async throws {
    switch arguments.first {
    case "demo": try await Demo(arguments: arguments.dropFirst()).run()
    case "matrix": try await Matrix(arguments: arguments.dropFirst()).run()
    case "trial": try await Trial(arguments: arguments.dropFirst()).run()
    case "contest": try await Contest(arguments: arguments.dropFirst()).run()
    case "connect": try await Connect(arguments: arguments.dropFirst()).run()
    case "paths": try await Paths(arguments: arguments.dropFirst()).run()
    case "idle": try await Idle(arguments: arguments.dropFirst()).run()
    case "storm": try await Storms(arguments: arguments.dropFirst()).run()
    case "mesh" where arguments.contains("--plaintext"):
      try await PlainMeshChat(arguments: arguments.dropFirst()).run()
    case "mesh": try await MeshChat(arguments: arguments.dropFirst()).run()
    case "swarm": try await Swarms(arguments: arguments.dropFirst()).run()
    case "weather": try await Weather(arguments: arguments.dropFirst()).run()
    case "--version": print("warren \(version)")
    case nil, "--help", "help": print(help)
    case let other?: throw UsageError.unknownCommand(other)
    }
  }

  static func complain(_ text: String, exitCode: Int32) -> Never {
    _ = Array((text + "\n").utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(exitCode)
  }
}

/// What was wrong with the words after `warren`.
enum UsageError: Error, CustomStringConvertible {
  case unknownCommand(String)
  case unknownOption(String)
  case badValue(String, option: String)
  case missing(String)
  case unknownPlace(String, known: [String])
  case unknownWeather(String, known: [String])
  case unknownScenario(String, known: [String])

  var description: String {
    switch self {
    case .unknownCommand(let word): "there is no command \(word.debugDescription)"
    case .unknownOption(let word): "there is no option \(word.debugDescription)"
    case .missing(let what): "\(what) is missing"
    case .unknownPlace(let word, let known):
      "there is no place \(word.debugDescription); there are: \(known.joined(separator: ", "))"
    case .unknownWeather(let word, let known):
      "there is no weather \(word.debugDescription); there are: \(known.joined(separator: "; "))"
    case .unknownScenario(let word, let known):
      "there is no scenario \(word.debugDescription); there are: \(known.joined(separator: "; "))"
    case .badValue(let value, let option): "\(option) wants a whole number, not \(value.debugDescription)"
    }
  }
}

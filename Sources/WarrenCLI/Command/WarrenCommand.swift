import WarrenOptions
import WarrenTerminal

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The command `warren`.
@main
struct WarrenCommand: CommandFamily {
  static let config = Option<String?>(
    "config", .file, "a file with options, one a line")
  static let program = Program(WarrenCommand.self, version: "0.1.0", settings: config)
  /// Of the version, for the manual.
  static let date = "November 22, 2026"

  static var description: CommandDescription {
    CommandDescription(
      "warren", "connect two programs directly, whatever NATs stand between them", options: [config],
      subcommands: [
        Demo.self,
        ServeCommand.self, SendCommand.self, ReceiveCommand.self, PairCommand.self, ChatCommand.self,
        MeshCommand.self,
        ForwardCommand.self, DoctorCommand.self, StatusCommand.self, PeerCommand.self,
        Simulate.self, Matrix.self, Trial.self, Connect.self, Paths.self, Idle.self, Storms.self,
        Contest.self, Weather.self,
        Swarms.self,
        KeyCommand.self, Completions.self, Manual.self,
      ],
      exitCodes: ExitCode.all)
  }

  static func main() async {
    StandardDescriptors.open()
    do {
      switch try request() {
      case .run(let command): try await command.run()
      case .help(let path): print(program.help(for: path, width: terminalWidth), terminator: "")
      case .version: print(program.title)
      }
    } catch let interruption as Interruption {
      endLine(of: interruption)
      exit(interruption.exitCode)
    } catch let ending as SaidEnding {
      exit(ending.code.number)
    } catch {
      complain("warren: \("\(error)".undisturbing)", exitCode: ExitCode(of: error).number)
    }
  }

  /// What the command line asks for, with what the file with options says now.
  static func request() throws -> Request {
    try program.request(Array(CommandLine.arguments.dropFirst()), saved: saved)
  }

  /// The options in a file that was named, or in `config` among this person's settings, if that is there.
  private static func saved(path: String?) throws(OptionsError) -> SavedOptions? {
    let usual = (try? PersonalFolders(of: "warren")).map { $0.configuration + "/config" }
    guard let place = path ?? usual, path != nil || access(place, F_OK) == 0 else { return nil }
    do {
      return SavedOptions(try lines(ofFile: place).joined(separator: "\n"), from: place)
    } catch {
      throw OptionsError(.badValue, "\(error)")
    }
  }

  /// A terminal shows Ctrl-C as `^C`: what comes next begins a line.
  private static func endLine(of interruption: Interruption) {
    guard interruption.signal == SIGINT, isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else { return }
    _ = write(STDERR_FILENO, "\n", 1)
  }

  /// Of standard output, where that is a terminal.
  private static var terminalWidth: Int {
    var size = winsize()
    let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return isKnown ? Int(size.ws_col) : OptionsLimits.width
  }

  private static func complain(_ text: String, exitCode: Int32) -> Never {
    _ = Array((text + "\n").utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(exitCode)
  }
}

extension CommandGroup {
  static let first = CommandGroup("See it work")
  static let meeting = CommandGroup("Meet others")
  static let laboratory = CommandGroup(
    "The laboratory, a simulated internet", isCompact: true)
  static let itself = CommandGroup("This command itself", isCompact: true)
}

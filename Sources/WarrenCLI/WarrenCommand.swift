import WarrenOptions

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The command `warren`.
@main
struct WarrenCommand: CommandFamily {
  static let program = Program(WarrenCommand.self, version: "0.1.0")
  /// Of the version, for the manual.
  static let date = "November 22, 2026"

  static var description: CommandDescription {
    CommandDescription(
      "warren", "connect two programs directly, whatever NATs stand between them",
      subcommands: [
        Demo.self, MeshCommand.self,
        Matrix.self, Trial.self, Connect.self, Paths.self, Idle.self, Storms.self, Contest.self, Weather.self,
        Swarms.self,
        Completions.self, Manual.self,
      ],
      exitCodes: [
        ExitCode(0, "everything went well"), ExitCode(1, "something did not, and was said on standard error"),
        .usage,
      ])
  }

  static func main() async {
    do {
      switch try program.request(Array(CommandLine.arguments.dropFirst())) {
      case .run(let command): try await command.run()
      case .help(let path): print(program.help(for: path, width: terminalWidth), terminator: "")
      case .version: print(program.title)
      }
    } catch let error as OptionsError {
      complain("warren: \(error)", exitCode: ExitCode.usage.number)
    } catch {
      complain("warren: \(error)", exitCode: 1)
    }
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
  static let itself = CommandGroup("This command itself")
}

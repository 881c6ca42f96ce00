import Warren
import WarrenOptions
import WarrenScenarios
import WarrenTerminal

/// With what `warren` ends: numbers of sysexits.h where it has one.
extension ExitCode {
  static let failure = ExitCode(1, "something else went wrong, and was said on standard error")
  static let data = ExitCode(65, "a scenario's file is not right")
  static let unreachable = ExitCode(
    69, "the registry or the other side is not there, or no way leads to it")
  static let system = ExitCode(71, "the system does not permit it: a port is taken, or there is no network")
  static let file = ExitCode(74, "a file or folder cannot be read or written")
  static let refused = ExitCode(77, "the other side does not want it, or is somebody else")
  static let settings = ExitCode(78, "a key or a file of settings is not right")
  static let interrupted = ExitCode(130, "it was interrupted by Ctrl-C (143 by a request to end)")

  static let all = [
    ExitCode(0, "everything went well"), failure, usage, data, unreachable, system, file, refused, settings,
    interrupted,
  ]

  init(of error: any Error) {
    self =
      switch error {
      case is OptionsError: .usage
      case is ScenarioError: .data
      case let error as PeerError: Self.of(error.code)
      case let error as RegistryError: Self.of(PeerError(error).code)
      case let error as FileTransferError: Self.of(error.code)
      case NetworkError.connectionRefused, NetworkError.connectionReset, NetworkError.timedOut,
        NetworkError.unreachable,
        NetworkError.nameNotFound, NetworkError.lookUpFailed:
        .unreachable
      case is NetworkError: .system
      case is FileError, is UnreadableFile, is UnwritablePlace, is StandardStreamError: .file
      case is KeyFileError, is PersonalFolderError, is WrongUsers: .settings
      case is QUICError, is RelayError: .unreachable
      case ChatError.nameTaken, ChatError.denied: .refused
      case ChatError.silent, ChatError.noDescription, ChatError.nothingPasted, ChatError.endedBefore:
        .unreachable
      case PunchError.noNetwork: .system
      case is PunchError, is DeadlineExceeded: .unreachable
      default: .failure
      }
  }

  private static func of(_ code: PeerError.Code) -> ExitCode {
    switch code {
    case .notFound, .notReachable, .noPath, .noRegistry, .closed, .replaced: .unreachable
    case .denied, .wrongPeer, .registry: .refused
    case .noNetwork: .system
    }
  }

  private static func of(_ code: FileTransferError.Code) -> ExitCode {
    switch code {
    case .refused, .cancelled, .tooLarge: .refused
    case .lost, .interrupted, .closed, .busy: .unreachable
    case .diskFull, .notPermitted, .notFound, .disk, .changed: .file
    case .corrupt, .badMessage: .failure
    }
  }
}

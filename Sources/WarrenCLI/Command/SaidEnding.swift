import WarrenOptions

/// A command ends with this number, and has said already why.
struct SaidEnding: Error {
  let code: ExitCode
}

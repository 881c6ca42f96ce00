/// A number with which a program ends, and what it means.
public struct ExitCode: Hashable, Sendable {
  /// The words after the program's name are wrong: `EX_USAGE` of sysexits.h.
  public static let usage = ExitCode(64, "the words on the command line are wrong")

  public let number: Int32
  public let meaning: String

  public init(_ number: Int32, _ meaning: String) {
    self.number = number
    self.meaning = meaning
  }
}

import WarrenOptions

/// `--json`, of every command that reports.
enum JSONWord {
  static let json = Option.flag("json", "report in JSON, for other programs")
}

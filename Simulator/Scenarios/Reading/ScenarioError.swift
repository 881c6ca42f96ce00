/// What is wrong with a scenario, and where.
public struct ScenarioError: Error, Hashable, Sendable, CustomStringConvertible {
  /// In which file; empty where it is in none.
  public var file = ""
  /// In which line.
  public var line: Int
  /// Which part of it: `network[1].behind`.
  public var path: String
  /// What is wrong, and what would be right.
  public var problem: String

  init(line: Int, path: String, _ problem: String) {
    (self.line, self.path, self.problem) = (line, path, problem)
  }

  /// `home-home.json:12: network[1].behind: there is no …`
  public var description: String {
    let place = file.isEmpty ? "line \(line)" : "\(file):\(line)"
    return "\(place): \(path.isEmpty ? "" : "\(path): ")\(problem)"
  }
}

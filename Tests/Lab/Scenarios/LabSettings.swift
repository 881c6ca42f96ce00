import Glibc
import WarrenScenarios

/// How much the lab does, as the environment says.
enum LabSettings {
  /// Whether everything is tried that can be: `make lab` wants it, and other runs of the tests a few things.
  static let isWhole = text("WARREN_LAB_WHOLE") != nil
  /// How many networks there are at once.
  static let jobs = number("WARREN_LAB_JOBS") ?? 4
  /// How often each cell of a matrix is tried.
  static let repetitions = number("WARREN_LAB_REPETITIONS") ?? 1
  /// How peers look for hidden ports in matrices.
  static let search = text("WARREN_LAB_SEARCH").flatMap { WarrenScenarios.Program.Search(rawValue: $0) }
  /// With how many seeds the simulator tries each cell.
  static let seeds = UInt64(number("WARREN_LAB_SEEDS") ?? 3)
  /// Which scenarios are played, in place of the usual ones.
  static let scenarios = text("WARREN_LAB_SCENARIOS")?.split(separator: ",").map(String.init)
  /// Which kinds there are in the matrix, in place of all.
  static let kinds = text("WARREN_LAB_KINDS")?.split(separator: ",").map(String.init)

  /// Where this process plays until it is killed, if that is what it is for.
  static let victimsFolder = text("WARREN_LAB_VICTIM")

  /// What is empty says nothing.
  private static func text(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func number(_ name: String) -> Int? { text(name).flatMap { Int($0) } }
}

/// The results of `body` for all of these, in their order, so many at once.
func concurrently<Element: Sendable, Value: Sendable>(
  _ elements: [Element], _ jobs: Int, _ body: @escaping @Sendable (Element) async throws -> Value
) async throws -> [Value] {
  try await withThrowingTaskGroup(of: (Int, Value).self) { group in
    var values: [Int: Value] = [:]
    for (index, element) in elements.enumerated() {
      if index >= jobs, let (done, value) = try await group.next() { values[done] = value }
      group.addTask { (index, try await body(element)) }
    }
    for try await (done, value) in group { values[done] = value }
    return elements.indices.map { values[$0]! }
  }
}

extension String {
  /// With spaces behind it.
  func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

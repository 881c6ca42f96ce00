import Warren
import WarrenOptions
import WarrenScenarios

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Finds the scenarios that somebody has named.
enum ScenarioFiles {
  /// A scenario, and the word by which this command finds it.
  struct Found {
    var scenario: Scenario
    var word: String
  }

  /// Those of these names, files and folders, in their order; all that have a name where nothing is named.
  static func scenarios(_ places: [String]) throws -> [Found] {
    if places.isEmpty { return try Scenario.names.map(named) }
    return try places.flatMap { place in
      if Scenario.names.contains(place) { return [try named(place)] }
      if let set = ScenarioSet(named: place) {
        return set.scenarios.map { Found(scenario: $0, word: $0.name) }
      }
      if let scenario = ScenarioSet.all.flatMap(\.scenarios).first(where: { $0.name == place }) {
        return [Found(scenario: scenario, word: place)]
      }
      if let files = files(in: place) { return try files.map(scenario(inFile:)) }
      guard place.hasSuffix(".json") || access(place, F_OK) == 0 else {
        let near = nearest(to: place, among: Scenario.names).map { ", did you mean \($0)?" } ?? ""
        throw OptionsError(
          .badValue, "there is no scenario \(quoted(place))\(near): 'warren simulate --list' names them")
      }
      return [try scenario(inFile: place)]
    }
  }

  /// The file of one scenario, by its name or path.
  static func json(of place: String) throws -> [UInt8] {
    if Scenario.names.contains(place) { return try Scenario.json(named: place) }
    return Array(try lines(ofFile: place).joined(separator: "\n").utf8)
  }

  private static func named(_ name: String) throws -> Found {
    Found(scenario: try Scenario(named: name), word: name)
  }

  private static func scenario(inFile path: String) throws -> Found {
    Found(scenario: try Scenario(json: json(of: path), file: path), word: path)
  }

  /// The scenarios in a folder, by their names; nil where it is none.
  private static func files(in folder: String) -> [String]? {
    guard let stream = opendir(folder) else { return nil }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".json") { names.append("\(folder)/\(name)") }
    }
    return names.sorted()
  }
}

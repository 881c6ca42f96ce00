import WarrenMachine
import WarrenTerminal

/// Something that was found out, as it is said to people and to programs.
protocol Finding {
  /// Lines.
  var text: String { get }
  var json: JSONValue { get }
}

/// What a command of the laboratory finds out: told in lines as it comes, or by `--json` as one object when all is known.
struct LaboratoryReport {
  private let isJSON: Bool
  /// Of the object.
  private var members: [(String, JSONValue)]
  private let list: String?
  private var listed: [JSONValue] = []

  /// - Parameters:
  ///   - about: under which circumstances, which lines have in their own words.
  ///   - list: what the findings are called that there are several of.
  init(asJSON isJSON: Bool, about: [(String, JSONValue)], list: String? = nil) {
    self.isJSON = isJSON
    members = about
    self.list = list
  }

  /// Says something to people alone.
  func say(_ text: String) { if !isJSON { print(text) } }

  /// One of several findings.
  mutating func tell(_ finding: some Finding) {
    if isJSON { listed.append(finding.json) } else { show(finding) }
  }

  /// What there is once, under its name.
  mutating func tell(_ finding: some Finding, as name: String) {
    if isJSON { members.append((name, finding.json)) } else { show(finding) }
  }

  private func show(_ finding: some Finding) { if !finding.text.isEmpty { print(finding.text) } }

  /// All is known.
  func end() {
    guard isJSON else { return }
    Terminal().result(json: .object(members + (list.map { [($0, .list(listed))] } ?? [])))
  }
}

extension JSONValue {
  /// Which seeds were run.
  static func seeds(_ seeds: ClosedRange<UInt64>) -> JSONValue {
    .object([
      ("from", .number(Int(clamping: seeds.lowerBound))), ("to", .number(Int(clamping: seeds.upperBound))),
    ])
  }

  /// In milliseconds; null for what never was.
  static func milliseconds(_ time: Duration?) -> JSONValue { time.map { .real($0.milliseconds) } ?? .nothing }

  static func percent(_ share: Double) -> JSONValue { .real((share * 10_000).rounded() / 100) }
}

import Warren

/// A part of a scenario's file, which knows where it stands: it is read as what it should be, or says what is wrong.
struct ScenarioValue {
  let part: JSONPart
  let path: String

  func error(_ problem: String) -> ScenarioError { ScenarioError(line: part.line, path: path, problem) }

  private func expected(_ what: String) -> ScenarioError {
    error("it should be \(what), and is \(part.kind)")
  }

  // MARK: What consists of others

  /// An object with some of these members and no others.
  func members(_ names: [String]) throws -> ScenarioMembers {
    guard case .object(let members) = part.value else { throw expected("an object") }
    var values: [String: ScenarioValue] = [:]
    for (name, part) in members {
      let value = ScenarioValue(part: part, path: path.isEmpty ? name : "\(path).\(name)")
      guard names.contains(name) else {
        throw value.error("there is no such word here; there are: \(names.sorted().joined(separator: ", "))")
      }
      values[name] = value
    }
    return ScenarioMembers(of: self, values)
  }

  /// The names of its members, in their order; none where it is no object.
  var memberNames: [String] { if case .object(let members) = part.value { members.map(\.name) } else { [] } }

  /// An object whose members may have any names, in their order.
  func anyMembers() throws -> [(name: String, value: ScenarioValue)] {
    guard case .object(let members) = part.value else { throw expected("an object") }
    return members.map { ($0.name, ScenarioValue(part: $0.part, path: "\(path).\($0.name)")) }
  }

  /// A list.
  func list() throws -> [ScenarioValue] {
    guard case .list(let parts) = part.value else { throw expected("a list") }
    return parts.enumerated().map { ScenarioValue(part: $1, path: "\(path)[\($0)]") }
  }

  /// A list, or a single one.
  var oneOrMore: [ScenarioValue] { (try? list()) ?? [self] }

  /// Two texts.
  func pair() throws -> (String, String) {
    let list = try list()
    guard list.count == 2 else { throw error("it should have two names, and has \(list.count)") }
    return (try list[0].text(), try list[1].text())
  }

  var isObject: Bool { if case .object = part.value { true } else { false } }
  var isNothing: Bool { if case .nothing = part.value { true } else { false } }

  // MARK: What is one thing

  func text() throws -> String {
    guard case .text(let text) = part.value, !text.isEmpty else { throw expected("a text") }
    return text
  }

  func flag() throws -> Bool {
    guard case .flag(let flag) = part.value else { throw expected("true or false") }
    return flag
  }

  func count(_ range: ClosedRange<Int>) throws -> Int {
    guard case .number(let number) = part.value, let count = Int(exactly: number), range.contains(count)
    else {
      throw error("it should be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return count
  }

  /// A part of a whole: `"5 %"`.
  func share() throws -> Double {
    guard let (number, unit) = measure(), unit == "%", number <= 100 else {
      throw error("it should be a percentage in quotation marks: \"5 %\"")
    }
    return number / 100
  }

  /// `"500 ms"`, `"10 s"`.
  func duration() throws -> Duration {
    let units: [String: Double] = ["us": 1, "ms": 1e3, "s": 1e6, "min": 6e7, "h": 3.6e9]
    guard let (number, unit) = measure(), let length = units[unit], number * length < 1e15 else {
      throw error("it should be a time with its unit in quotation marks: \"500 ms\", \"10 s\", \"2 min\"")
    }
    return .microseconds(Int64((number * length).rounded()))
  }

  /// Bits in a second: `"10 Mbit/s"`.
  func rate() throws -> Int {
    let units: [String: Double] = ["bit/s": 1, "kbit/s": 1e3, "Mbit/s": 1e6, "Gbit/s": 1e9]
    guard let (number, unit) = measure(), let size = units[unit], number > 0, number * size < 1e15 else {
      throw error("it should be a rate with its unit in quotation marks: \"10 Mbit/s\"")
    }
    return max(1, Int(number * size))
  }

  /// A number of bytes: `"1 MB"`.
  func bytes() throws -> Int {
    let units: [String: Double] = ["B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9]
    guard let (number, unit) = measure(), let size = units[unit], number * size < 1e12 else {
      throw error("it should be a size with its unit in quotation marks: \"64 kB\", \"1 MB\"")
    }
    return Int(number * size)
  }

  /// One of those that have these names.
  func choice<Value>(_ what: String, _ choices: [(String, Value)]) throws -> Value {
    let text = try text()
    if let choice = choices.first(where: { $0.0 == text }) { return choice.1 }
    throw error(
      "there is no \(what) \(quoted(text)); there are: \(choices.map(\.0).joined(separator: ", "))")
  }

  func choice<Value: CaseIterable & RawRepresentable>(_ what: String) throws -> Value
  where Value.RawValue == String {
    try choice(what, Value.allCases.map { ($0.rawValue, $0) })
  }

  /// A number that is not negative, and what stands behind it.
  private func measure() -> (Double, String)? {
    guard case .text(let text) = part.value else { return nil }
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let number = Double(digits) else { return nil }
    return (number, String(text[digits.endIndex...].drop { $0 == " " }))
  }
}

extension TransportProtocol {
  /// What it is called in a file.
  var name: String { self == .udp ? "udp" : "tcp" }
}

/// The members of an object.
struct ScenarioMembers {
  private let value: ScenarioValue
  private let values: [String: ScenarioValue]

  init(of value: ScenarioValue, _ values: [String: ScenarioValue]) {
    (self.value, self.values) = (value, values)
  }

  /// The one of this name, where there is one.
  subscript(name: String) -> ScenarioValue? { values[name] }

  /// The one of this name, which must be there.
  func needed(_ name: String) throws -> ScenarioValue {
    guard let member = values[name] else { throw value.error("\(quoted(name)) is missing") }
    return member
  }

  /// What `over` says; UDP where it is not there.
  var transport: TransportProtocol {
    get throws {
      try self["over"]?.choice("protocol", TransportProtocol.allCases.map { ($0.name, $0) }) ?? .udp
    }
  }

  /// Changes something where there is such a member.
  func apply<Value>(
    _ name: String, to target: inout Value, _ read: (ScenarioValue) throws -> Value
  ) throws {
    if let member = values[name] { target = try read(member) }
  }
}

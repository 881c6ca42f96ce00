import Warren

/// A scenario as it is written, of which parts can be taken away.
struct ScenarioDocument: Sendable {
  private(set) var root: JSONPart

  init(_ bytes: [UInt8]) throws { root = try JSONParser.parse(bytes) }

  /// Whether it makes sense, and what it says then.
  var scenario: Scenario? { try? Scenario(json: bytes) }

  /// How many values it consists of.
  var size: Int { root.size }

  /// How long all that lasts in it is together.
  private var time: Duration { root.time }

  /// Whether there is less in it than in another one.
  func isSimpler(than other: ScenarioDocument) -> Bool { (size, time) < (other.size, other.time) }

  // MARK: Its parts

  /// What is in a list of this name; nothing where there is none.
  func list(_ name: String) -> [JSONPart] {
    guard case .list(let parts) = root[name]?.value else { return [] }
    return parts
  }

  /// The same with another list of this name.
  func with(_ name: String, _ parts: [JSONPart]) -> ScenarioDocument {
    var copy = self
    copy.root[name] = JSONPart(value: .list(parts), line: 0)
    return copy
  }

  /// The same with another text of this name.
  func with(_ name: String, text: String) -> ScenarioDocument {
    var copy = self
    copy.root[name] = JSONPart(value: .text(text), line: 0)
    return copy
  }

  /// The same with more at the end of its timeline.
  func adding(_ steps: [Step]) -> ScenarioDocument {
    with("timeline", list("timeline") + steps.map(\.part))
  }

  /// All that could be made simpler in one place: a value within an element of a list left out, or taken from a list.
  var simplerOnes: [ScenarioDocument] {
    var found = ["programs", "lasts"].filter { root[$0] != nil }.map { name in
      var copy = self
      copy.root[name] = nil
      return copy
    }
    for name in ["network", "timeline", "expect"] {
      let parts = list(name)
      for (place, part) in parts.enumerated() {
        for simpler in part.simplerOnes(shortening: name == "timeline") {
          var parts = parts
          parts[place] = simpler
          found.append(with(name, parts))
        }
      }
    }
    return found
  }

  // MARK: As it is written

  /// An element of a list in each line.
  var bytes: [UInt8] {
    guard case .object(let members) = root.value else { return root.json.bytes }
    var text = Array("{\n".utf8)
    for (place, member) in members.enumerated() {
      text += Array("  ".utf8) + JSONValue.text(member.name).bytes + Array(": ".utf8)
      if case .list(let parts) = member.part.value, !parts.isEmpty {
        let lines = parts.map { Array("    ".utf8) + $0.json.bytes }
        text += Array("[\n".utf8) + Array(lines.joined(separator: Array(",\n".utf8))) + Array("\n  ]".utf8)
      } else {
        text += member.part.json.bytes
      }
      text += Array((place + 1 < members.count ? ",\n" : "\n").utf8)
    }
    return text + Array("}\n".utf8)
  }
}

extension JSONPart {
  /// A member of an object.
  subscript(name: String) -> JSONPart? {
    get {
      guard case .object(let members) = value else { return nil }
      return members.first { $0.name == name }?.part
    }
    set {
      guard case .object(var members) = value else { return }
      let place = members.firstIndex { $0.name == name }
      switch (place, newValue) {
      case (let place?, let part?): members[place].part = part
      case (let place?, nil): members.remove(at: place)
      case (nil, let part?): members.append((name, part))
      case (nil, nil): break
      }
      value = .object(members)
    }
  }

  var size: Int {
    switch value {
    case .list(let parts): 1 + parts.reduce(0) { $0 + $1.size }
    case .object(let members): 1 + members.reduce(0) { $0 + $1.part.size }
    case .text, .number, .flag, .nothing: 1
    }
  }

  fileprivate var time: Duration {
    switch value {
    case .list(let parts): parts.reduce(.zero) { $0 + $1.time }
    case .object(let members): members.reduce(.zero) { $0 + $1.part.time }
    case .text: duration ?? .zero
    case .number, .flag, .nothing: .zero
    }
  }

  private var duration: Duration? { try? ScenarioValue(part: self, path: "").duration() }

  /// The same with one thing less, in each way that there is; or with something that lasts half as long.
  fileprivate func simplerOnes(shortening isShortened: Bool) -> [JSONPart] {
    switch value {
    case .object(let members):
      return members.indices.flatMap { place -> [JSONPart] in
        var fewer = members
        fewer.remove(at: place)
        let changed = members[place].part.simplerOnes(shortening: isShortened).map { part in
          var others = members
          others[place].part = part
          return JSONPart(value: .object(others), line: 0)
        }
        return [JSONPart(value: .object(fewer), line: 0)] + changed
      }
    case .list(let parts):
      return parts.indices.flatMap { place -> [JSONPart] in
        var fewer = parts
        fewer.remove(at: place)
        let changed = parts[place].simplerOnes(shortening: isShortened).map { part in
          var others = parts
          others[place] = part
          return JSONPart(value: .list(others), line: 0)
        }
        return [JSONPart(value: .list(fewer), line: 0)] + changed
      }
    case .text:
      guard isShortened, let duration else { return [] }
      return [JSONPart(.text("\(max(duration / 2, .milliseconds(1)).wholeNanoseconds / 1000) us"))]
    case .number, .flag, .nothing: return []
    }
  }

  var json: JSONValue {
    switch value {
    case .text(let text): .text(text)
    case .number(let number): Int(exactly: number).map { .number($0) } ?? .real(number)
    case .flag(let flag): .flag(flag)
    case .nothing: .nothing
    case .list(let parts): .list(parts.map(\.json))
    case .object(let members): .object(members.map { ($0.name, $0.part.json) })
    }
  }

  init(_ json: JSONValue) {
    line = 0
    value =
      switch json {
      case .text(let text): .text(text)
      case .number(let number): .number(Double(number))
      case .real(let number): .number(number)
      case .flag(let flag): .flag(flag)
      case .nothing: .nothing
      case .list(let values): .list(values.map { JSONPart($0) })
      case .object(let members): .object(members.map { ($0.0, JSONPart($0.1)) })
      }
  }
}

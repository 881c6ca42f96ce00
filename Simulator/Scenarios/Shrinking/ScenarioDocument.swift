import Warren

/// A scenario as it is written, of which parts can be taken away.
struct ScenarioDocument: Sendable {
  private(set) var root: JSONPart

  init(_ bytes: [UInt8]) throws { root = try JSONParser.parse(bytes) }

  /// Whether it makes sense, and what it says then.
  var scenario: Scenario? { try? Scenario(json: bytes) }

  /// How many values it consists of, besides its name and reason.
  var size: Int { root.size - ["name", "why"].count { root[$0] != nil } }

  /// Whether there is less in it than in another one.
  func isSimpler(than other: ScenarioDocument) -> Bool {
    let (one, another) = (size, other.size)
    return one == another ? root.extent < other.root.extent : one < another
  }

  // MARK: Its parts

  /// What is in a list of this name; nothing where there is none.
  func list(_ name: String) -> [JSONPart] {
    guard case .list(let parts) = root[name]?.value else { return [] }
    return parts
  }

  /// The same with another list of this name.
  func with(_ name: String, _ parts: [JSONPart]) -> ScenarioDocument {
    with(name, JSONPart(value: .list(parts)))
  }

  /// The same with another text of this name.
  func with(_ name: String, text: String) -> ScenarioDocument { with(name, JSONPart(.text(text))) }

  /// The same with another part of this name, or none.
  private func with(_ name: String, _ part: JSONPart?) -> ScenarioDocument {
    var copy = self
    copy.root[name] = part
    return copy
  }

  /// The same with more at the end of its timeline.
  func adding(_ steps: [Step]) -> ScenarioDocument {
    with("timeline", list("timeline") + steps.map(\.part))
  }

  /// The same where it is written how long everybody talks: that can be made less then.
  var talksWritten: ScenarioDocument {
    guard let steps = scenario?.timeline else { return self }
    return with(
      "timeline",
      zip(list("timeline"), steps).map { part, step in
        guard case .connect(_, _, .lasting) = step.action else { return part }
        var written = part
        written["talking"] = part["talking"] ?? step.part["talking"]?.less(1)
        return written
      })
  }

  /// What its machines are called.
  var machines: [String] { list("network").flatMap(\.machines) }

  /// The same without a machine, what it does, and what is done to it.
  func without(_ machine: String) -> ScenarioDocument {
    var copy = with("network", list("network").compactMap { $0.without(machine) })
    for name in ["timeline", "expect"] where root[name] != nil {
      copy = copy.with(name, list(name).filter { !$0.names(machine) })
    }
    copy.root["programs"]?[machine] = nil
    return copy
  }

  /// The same where all that happens takes half of the time; where it does, but what ends by itself lasts as long; or where a pause is half as
  /// long.
  var hastened: [ScenarioDocument] {
    [[], ["for"]].map { kept in with("timeline", list("timeline").map { $0.less(2, besides: kept) }) }
      + nearer
  }

  /// The same where something, and all that comes after it, happens sooner: half of the time between it and what comes before is gone, from
  /// what is said meanwhile as well.
  private var nearer: [ScenarioDocument] {
    let parts = list("timeline")
    let times = Set(parts.map(\.time)).sorted()
    return zip([.zero] + times, times).map { before, time in
      let gone = (time - before) / 2
      return with(
        "timeline",
        parts.map { part in
          if part.time >= time { return part.sooner("at", by: gone) }
          return part.end > before ? part.sooner("talking", by: gone) : part
        })
    }
  }

  /// The same with a value less, in each way that there is.
  var fewer: [ScenarioDocument] {
    var found: [ScenarioDocument] = []
    for name in ["programs", "lasts"] {
      guard let part = root[name] else { continue }
      found += ([nil] + part.fewer).map { with(name, $0) }
    }
    return found + ["network", "timeline", "expect"].flatMap { changing($0, \.fewer) }
  }

  /// The same where one thing that happens takes less time, or is less, in each way that there is.
  var shorter: [ScenarioDocument] { changing("timeline", \.shorter) }

  /// The same with another element in one place of a list.
  private func changing(_ name: String, _ others: (JSONPart) -> [JSONPart]) -> [ScenarioDocument] {
    (root[name]?.changing(others) ?? []).map { with(name, $0) }
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

  /// How much time there is in it, in microseconds, and how many bytes.
  fileprivate var extent: Int64 {
    switch value {
    case .list(let parts): parts.reduce(0) { $0 + $1.extent }
    case .object(let members): members.reduce(0) { $0 + $1.part.extent }
    case .text: duration.map { $0.wholeNanoseconds / 1000 } ?? bytes.map(Int64.init) ?? 0
    case .number, .flag, .nothing: 0
    }
  }

  private var duration: Duration? { try? ScenarioValue(part: self, path: "").duration() }
  private var bytes: Int? { try? ScenarioValue(part: self, path: "").bytes() }

  /// When it happens, and until when is talked.
  fileprivate var time: Duration { self["at"]?.duration ?? .zero }
  fileprivate var end: Duration { time + (self["talking"]?.duration ?? .zero) }

  private static func text(_ time: Duration) -> JSONPart {
    let length = time.wholeNanoseconds / 1_000_000
    return JSONPart(.text("\(length > 1000 ? length / 10 * 10 : length) ms"))
  }

  /// The same where one time in it is that much less.
  fileprivate func sooner(_ name: String, by time: Duration) -> JSONPart {
    var copy = self
    if let length = self[name]?.duration, length > time { copy[name] = Self.text(length - time) }
    return copy
  }

  /// The same where all lasts but one part in so many, and has such a size; in round figures.
  fileprivate func less(_ divisor: Int, besides kept: [String] = []) -> JSONPart {
    switch value {
    case .list(let parts):
      return JSONPart(value: .list(parts.map { $0.less(divisor, besides: kept) }))
    case .object(let members):
      let fewer = members.map { name, part in
        (name, kept.contains(name) ? part : part.less(divisor, besides: kept))
      }
      return JSONPart(value: .object(fewer))
    case .text:
      if let bytes { return JSONPart(.text("\(max(bytes / divisor, 1)) B")) }
      return duration.map { Self.text($0 / divisor) } ?? self
    case .number, .flag, .nothing: return self
    }
  }

  /// What the machines in it are called.
  fileprivate var machines: [String] {
    switch value {
    case .list(let parts): return parts.flatMap(\.machines)
    case .object(let members):
      if case .text(let name) = self["machine"]?.value { return [name] }
      return members.flatMap(\.part.machines)
    case .text, .number, .flag, .nothing: return []
    }
  }

  /// The same without a machine; nil where it is that.
  fileprivate func without(_ machine: String) -> JSONPart? {
    if case .text(machine) = self["machine"]?.value { return nil }
    switch value {
    case .list(let parts): return JSONPart(value: .list(parts.compactMap { $0.without(machine) }))
    case .object(let members):
      let others = members.compactMap { member in
        member.part.without(machine).map { (member.name, $0) }
      }
      return JSONPart(value: .object(others))
    case .text, .number, .flag, .nothing: return self
    }
  }

  /// Whether this is said somewhere in it.
  fileprivate func names(_ text: String) -> Bool {
    switch value {
    case .list(let parts): parts.contains { $0.names(text) }
    case .object(let members): members.contains { $0.part.names(text) }
    case .text(let other): other == text
    case .number, .flag, .nothing: false
    }
  }

  /// The same with a value less, in each way that there is. What ends by itself still does: nothing is promised of what is broken for good.
  /// How much is said stays written: the usual cannot be made less.
  fileprivate var fewer: [JSONPart] {
    let fewer: [JSONPart] =
      switch value {
      case .object(let members):
        members.indices.filter { !["for", "talking", "sending"].contains(members[$0].name) }.map { place in
          var others = members
          others.remove(at: place)
          return JSONPart(value: .object(others))
        }
      case .list(let parts):
        parts.indices.map { place in
          var others = parts
          others.remove(at: place)
          return JSONPart(value: .list(others))
        }
      case .text, .number, .flag, .nothing: []
      }
    return fewer + changing(\.fewer)
  }

  /// The same where one thing takes less time, or is less, in each way that there is.
  fileprivate var shorter: [JSONPart] {
    if case .text = value { return extent > 0 ? [16, 4, 2].map { less($0) } : [] }
    return changing(\.shorter)
  }

  /// The same with another part in one place.
  fileprivate func changing(_ others: (JSONPart) -> [JSONPart]) -> [JSONPart] {
    switch value {
    case .object(var members):
      members.indices.flatMap { place in
        let part = members[place].part
        defer { members[place].part = part }
        return others(part).map { other in
          members[place].part = other
          return JSONPart(value: .object(members))
        }
      }
    case .list(var parts):
      parts.indices.flatMap { place in
        let part = parts[place]
        defer { parts[place] = part }
        return others(part).map { other in
          parts[place] = other
          return JSONPart(value: .list(parts))
        }
      }
    case .text, .number, .flag, .nothing: []
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

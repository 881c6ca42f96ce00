import Warren

extension Expectation {
  /// What it may be about.
  static let verbs = [
    "connected", "heard", "mesh", "packets-of", "packets-to", "reached", "refused", "unreached",
  ]

  init(_ value: ScenarioValue) throws {
    let names = value.memberNames
    if names.contains("refused") {
      let pair = try value.members(["refused"]).needed("refused").pair()
      self = .refusal(pair.0, to: pair.1)
    } else if let word = ["packets-of", "packets-to"].first(where: names.contains) {
      let members = try value.members([word, "at-most"])
      let (name, most) = (
        try members.needed(word).text(), try members.needed("at-most").count(0...1_000_000_000)
      )
      self = word == "packets-of" ? .packets(of: name, atMost: most) : .arrivals(at: name, atMost: most)
    } else if names.contains("reached") {
      let members = try value.members(["reached", "over", "within"])
      let pair = try members.needed("reached").pair()
      self = .echo(
        pair.0, of: pair.1, over: try members.transport, within: try members["within"]?.duration())
    } else if names.contains("unreached") {
      let members = try value.members(["unreached", "over"])
      let pair = try members.needed("unreached").pair()
      self = .noEcho(pair.0, of: pair.1, over: try members.transport)
    } else if let word = ["mesh", "heard"].first(where: names.contains) {
      let members = try value.members([word, "within"])
      let (name, time) = (try members.needed(word).text(), try members.needed("within").duration())
      self = word == "mesh" ? .mesh(name, within: time) : .heard(name, within: time)
    } else if names.contains("connected") {
      let members = try value.members([
        "connected", "within", "over", "silent-at-most", "changes-at-most", "done-within",
      ])
      let pair = try members.needed("connected").pair()
      self = .connection(
        pair.0, to: pair.1,
        Wishes(
          within: try members["within"]?.duration(), over: try members["over"]?.choice("kind of way"),
          silence: try members["silent-at-most"]?.duration(),
          changes: try members["changes-at-most"]?.count(0...1000),
          done: try members["done-within"]?.duration()))
    } else {
      throw value.error("it should have one of: \(Self.verbs.joined(separator: ", "))")
    }
  }
}

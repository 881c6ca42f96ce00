import Warren

extension Expectation {
  init(_ value: ScenarioValue) throws {
    let names = value.memberNames
    if names.contains("refused") {
      let pair = try value.members(["refused"]).needed("refused").pair()
      self = .refusal(pair.0, to: pair.1)
    } else if names.contains("packets-of") {
      let members = try value.members(["packets-of", "at-most"])
      self = .packets(
        of: try members.needed("packets-of").text(),
        atMost: try members.needed("at-most").count(0...1_000_000_000))
    } else if names.contains("connected") {
      let members = try value.members(["connected", "within", "over", "silent-at-most", "changes-at-most"])
      let pair = try members.needed("connected").pair()
      self = .connection(
        pair.0, to: pair.1,
        Wishes(
          within: try members["within"]?.duration(), over: try members["over"]?.choice("kind of way"),
          silence: try members["silent-at-most"]?.duration(),
          changes: try members["changes-at-most"]?.count(0...1000)))
    } else {
      throw value.error("it should have one of: connected, packets-of, refused")
    }
  }
}

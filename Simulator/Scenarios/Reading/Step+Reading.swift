import Warren

extension Step {
  /// What happens, in one word, with what belongs to it; and when.
  init(_ value: ScenarioValue) throws {
    let verbs = value.memberNames.filter { Self.readers[$0] != nil }
    guard verbs.count == 1, let verb = verbs.first, let reader = Self.readers[verb] else {
      let all = Self.readers.keys.sorted().joined(separator: ", ")
      throw value.error("it should have one of: \(all)")
    }
    let members = try value.members(["at", verb] + reader.words)
    time = try members["at"]?.duration() ?? .zero
    action = try reader.read(members.needed(verb), members)
  }

  struct Reader: Sendable {
    var words: [String]
    var read: @Sendable (ScenarioValue, ScenarioMembers) throws -> Action
  }

  private static func length(_ members: ScenarioMembers) throws -> Duration? {
    try members["for"]?.duration()
  }

  private static func talk(_ members: ScenarioMembers) throws -> Talk {
    if let bytes = members["sending"] { return .bytes(try bytes.bytes()) }
    return .lasting(try members["talking"]?.duration() ?? .seconds(5))
  }

  static let readers: [String: Reader] = [
    "connect": Reader(words: ["talking", "sending"]) { (value, members) in
      let pair = try value.pair()
      return .connect(pair.0, to: pair.1, try talk(members))
    },
    "close": Reader(words: []) { (value, _) in
      let pair = try value.pair()
      return .close(pair.0, to: pair.1)
    },
    "prefer": Reader(words: ["over"]) { (value, members) in
      let (pair, over) = (try value.pair(), try members.needed("over"))
      return .prefer(pair.0, to: pair.1, over.isNothing ? nil : try over.choice("kind of way"))
    },
    "cut": Reader(words: ["one-way", "for"]) { (value, members) in
      let pair = try value.pair()
      return .cut(
        pair.0, pair.1, isOneWay: try members["one-way"]?.flag() ?? false, length: try length(members))
    },
    "link": Reader(words: ["becomes", "for"]) { (value, members) in
      .link(try value.text(), try LinkPair(members.needed("becomes")), length: try length(members))
    },
    "down": Reader(words: ["for"]) { (value, members) in
      .down(try value.text(), length: try length(members))
    },
    "reboot": Reader(words: ["elsewhere"]) { (value, members) in
      .reboot(try value.text(), isElsewhere: try members["elsewhere"]?.flag() ?? false)
    },
    "lease": Reader(words: []) { (value, _) in .lease(try value.text()) },
    "roam": Reader(words: ["behind", "gap"]) { (value, members) in
      .roam(
        try value.text(), behind: try members.needed("behind").text(),
        gap: try members["gap"]?.duration() ?? .zero)
    },
    "crash": Reader(words: ["for"]) { (value, members) in
      .crash(try value.text(), length: try length(members))
    },
    "restart": Reader(words: []) { (value, _) in .restart(try value.text()) },
    "sleep": Reader(words: ["for"]) { (value, members) in
      .sleep(try value.text(), length: try members.needed("for").duration())
    },
    "clock": Reader(words: ["ahead", "back"]) { (value, members) in
      let ahead = try members["ahead"]?.duration() ?? .zero
      return .clock(try value.text(), by: ahead - (try members["back"]?.duration() ?? .zero))
    },
    "ask": Reader(words: ["over"]) { (value, members) in
      let pair = try value.pair()
      return .ask(pair.0, echo: pair.1, over: try members.transport)
    },
    "broadcast": Reader(words: []) { (value, _) in .broadcast(try value.text()) },
    "open": Reader(words: []) { (value, _) in .open(try value.text()) },
  ]
}

import WarrenSimulator

extension LinkPair {
  static let words = [
    "latency", "jitter", "loss", "bursts", "reordering", "duplication", "rate", "queue", "mtu", "corruption",
  ]

  /// A name, or an object that begins with one (`is`) and changes something, both ways or one (`up`, `down`).
  init(_ value: ScenarioValue) throws {
    let names = Self.named.map { ($0.name, $0.link) }
    guard value.isObject else {
      self = try value.choice("link", names)
      return
    }
    let members = try value.members(Self.words + ["is", "up", "down"])
    self = try members["is"]?.choice("link", names) ?? .access
    try Self.change(&up, members)
    try Self.change(&down, members)
    if let value = members["up"] { try Self.change(&up, value.members(Self.words)) }
    if let value = members["down"] { try Self.change(&down, value.members(Self.words)) }
  }

  private static func change(
    _ link: inout LinkConfiguration, _ members: ScenarioMembers
  ) throws {
    try members.apply("latency", to: &link.latency) { try $0.duration() }
    try members.apply("jitter", to: &link.jitter) { try $0.duration() }
    try members.apply("loss", to: &link.loss) { try $0.share() }
    try members.apply("bursts", to: &link.burstLoss) {
      let words = try $0.members(["begin", "end", "loss"])
      return LinkConfiguration.BurstLoss(
        begins: try words.needed("begin").share(), ends: try words.needed("end").share(),
        loss: try words["loss"]?.share() ?? 1)
    }
    try members.apply("reordering", to: &link.reordering) { try $0.share() }
    try members.apply("duplication", to: &link.duplication) { try $0.share() }
    try members.apply("corruption", to: &link.corruption) { try $0.share() }
    try members.apply("rate", to: &link.bitsPerSecond) { try $0.rate() }
    try members.apply("queue", to: &link.queueBytes) { try $0.bytes() }
    try members.apply("mtu", to: &link.mtu) { try $0.count(1280...65_535) }
  }
}

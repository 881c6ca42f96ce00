import Warren
import WarrenSimulator

extension Step {
  /// As it is written in a file.
  var part: JSONPart {
    var members: [(String, JSONValue)] = time == .zero ? [] : [("at", Self.text(time))]
    members += action.members
    return JSONPart(.object(members))
  }

  fileprivate static func text(_ time: Duration) -> JSONValue {
    .text("\(time.wholeNanoseconds / 1000) us")
  }
}

extension Step.Action {
  fileprivate var members: [(String, JSONValue)] {
    func pair(_ one: String, _ other: String) -> JSONValue { .list([.text(one), .text(other)]) }
    func lasting(_ length: Duration?) -> [(String, JSONValue)] {
      length.map { [("for", Step.text($0))] } ?? []
    }
    switch self {
    case .connect(let one, let other, .lasting(let length)):
      return [("connect", pair(one, other)), ("talking", Step.text(length))]
    case .connect(let one, let other, .bytes(let count)):
      return [("connect", pair(one, other)), ("sending", .text("\(count) B"))]
    case .close(let one, let other): return [("close", pair(one, other))]
    case .prefer(let one, let other, let kind):
      return [("prefer", pair(one, other)), ("over", kind.map { .text($0.rawValue) } ?? .nothing)]
    case .cut(let one, let other, let isOneWay, let length):
      return [("cut", pair(one, other))] + (isOneWay ? [("one-way", .flag(true))] : []) + lasting(length)
    case .link(let name, let link, let length):
      return [
        ("link", .text(name)), ("becomes", .object([("up", link.up.json), ("down", link.down.json)])),
      ] + lasting(length)
    case .down(let name, let length): return [("down", .text(name))] + lasting(length)
    case .reboot(let name, let isElsewhere):
      return [("reboot", .text(name))] + (isElsewhere ? [("elsewhere", .flag(true))] : [])
    case .lease(let name): return [("lease", .text(name))]
    case .roam(let name, let box, let gap):
      return [("roam", .text(name)), ("behind", .text(box)), ("gap", Step.text(gap))]
    case .crash(let name, let length): return [("crash", .text(name))] + lasting(length)
    case .restart(let name): return [("restart", .text(name))]
    case .sleep(let name, let length): return [("sleep", .text(name))] + lasting(length)
    case .clock(let name, let time):
      return [
        ("clock", .text(name)), time < .zero ? ("back", Step.text(.zero - time)) : ("ahead", Step.text(time)),
      ]
    case .ask(let name, let echo, let transport):
      return [("ask", pair(name, echo)), ("over", .text(transport.name))]
    case .broadcast(let name): return [("broadcast", .text(name))]
    case .open(let name): return [("open", .text(name))]
    }
  }
}

extension LinkConfiguration {
  /// What of it is not as it is where nothing is said.
  fileprivate var json: JSONValue {
    func share(_ value: Double) -> JSONValue { .text("\(value * 100) %") }
    let usual = LinkConfiguration.access
    var members: [(String, JSONValue)] = []
    if latency != usual.latency { members.append(("latency", Step.text(latency))) }
    if jitter != usual.jitter { members.append(("jitter", Step.text(jitter))) }
    if loss != usual.loss { members.append(("loss", share(loss))) }
    if let bursts = burstLoss {
      let words = [
        ("begin", share(bursts.begins)), ("end", share(bursts.ends)), ("loss", share(bursts.loss)),
      ]
      members.append(("bursts", .object(words)))
    }
    if reordering != usual.reordering { members.append(("reordering", share(reordering))) }
    if duplication != usual.duplication { members.append(("duplication", share(duplication))) }
    if corruption != usual.corruption { members.append(("corruption", share(corruption))) }
    if let rate = bitsPerSecond { members.append(("rate", .text("\(rate) bit/s"))) }
    if queueBytes != usual.queueBytes { members.append(("queue", .text("\(queueBytes) B"))) }
    if mtu != usual.mtu { members.append(("mtu", .number(mtu))) }
    return .object(members)
  }
}

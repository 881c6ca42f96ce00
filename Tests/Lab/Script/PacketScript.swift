import TestSupport
import WarrenMachine

/// Packets that are sent one after the other: what becomes of each is known before the next.
struct PacketScript: Sendable {
  /// Where it comes from; 0 for one that somebody has written.
  var seed: UInt64 = 0
  var steps: [Step]

  enum Step: Hashable, Sendable {
    /// From inside to an outside socket.
    case send(Player, to: Player)
    /// To the box's outside address; from inside, that is hairpinning.
    case call(Player, Target)
    /// Nothing for so long, in milliseconds.
    case rest(Int)
  }

  enum Target: Hashable, Sendable {
    /// Where an inside socket was last seen by an outside one, or would be if it kept its port.
    case place(Player, seenBy: Player)
    /// A port that is nobody's, and that nobody is given.
    case nobody
  }

  /// A port below those that are given to sockets.
  static let portOfNobody: UInt16 = 900
}

// MARK: From a seed

extension PacketScript {
  /// 10 to 40 steps.
  init(seed: UInt64, for profile: Profile) {
    var random = SeededRandom(seed)
    var spoken: [Player] = []
    var flows: [(inside: Player, outside: Player)] = []
    var steps: [Step] = []
    // In half of the scripts strangers are often first.
    let calls = Bool.random(using: &random) ? 30 : 60
    let callable = { (inside: Player) in !profile.opensBySending || spoken.contains(inside) }

    func target(_ random: inout SeededRandom) -> Target {
      if Int.random(in: 0..<8, using: &random) == 0 { return .nobody }
      if Bool.random(using: &random), let flow = flows.randomElement(using: &random) {
        return .place(flow.inside, seenBy: flow.outside)
      }
      let inside = Player.inside.filter(callable).randomElement(using: &random)
      guard let inside, let outside = Player.outside.randomElement(using: &random) else { return .nobody }
      return .place(inside, seenBy: outside)
    }

    for _ in 0..<Int.random(in: 10...40, using: &random) {
      let draw = Int.random(in: 0..<100, using: &random)
      let inside = Player.inside.randomElement(using: &random)!
      let outside = Player.outside.randomElement(using: &random)!
      if draw < calls {
        steps.append(.call(outside, target(&random)))
      } else if draw < calls + 8, callable(inside) {
        steps.append(.call(inside, target(&random)))
      } else {
        steps.append(.send(inside, to: outside))
        if !spoken.contains(inside) { spoken.append(inside) }
        if !flows.contains(where: { $0 == (inside, outside) }) { flows.append((inside, outside)) }
      }
    }
    self.init(seed: seed, steps: steps)
  }
}

// MARK: In words that compile

extension PacketScript.Step: CustomStringConvertible {
  var description: String {
    switch self {
    case .send(let inside, let outside): ".send(.\(inside), to: .\(outside))"
    case .call(let caller, .nobody): ".call(.\(caller), .nobody)"
    case .call(let caller, .place(let inside, let outside)):
      ".call(.\(caller), .place(.\(inside), seenBy: .\(outside)))"
    case .rest(let milliseconds): ".rest(\(milliseconds))"
    }
  }
}

import Warren
import WarrenSimulator

// What must still be tried when it is calm, before anybody asks for anything anew.
extension Stage {
  /// Who could register is registered, what nobody has broken is still alive, and what could be better has become so.
  func judgeSilence() async throws {
    // Who is forgotten, and only then says again that it is there, is not there for a while each time: but for those whose links lose
    // one sign of life after the other.
    var seen: Set<String> = []
    for look in 1...ScenarioLimits.looks {
      if look > 1 { try await director.sleep(for: ScenarioLimits.betweenLooks) }
      for name in scenario.peerNames where peers[name] != nil && registered.contains(name) {
        if await directory?.find(.key(id(of: name))) != nil {
          seen.insert(name)
        } else if !oracle.loses(name) {
          seen.remove(name)
        }
        guard look == ScenarioLimits.looks || !oracle.loses(name) else { continue }
        judgement.expect(seen.contains(name), .noSilence, "\(name) is not registered any more, and could be")
      }
    }
    let talks = conversations.filter { !$0.isCutShort && $0.failure == nil }
    if !isBroken {
      for talk in talks where !oracle.loses(talk.caller, talk.called) {
        await judgeLife(of: talk, oracle.promise(talk.caller, talk.called))
      }
    }
    let improving = talks.filter { oracle.promise($0.caller, $0.called).direct == .certain }
      .map { talk in
        director.spawn("whether \(talk.name) find a better way") { await self.judgeImprovement(of: talk) }
      }
    for task in improving { try await task.value }
  }

  /// Who says nothing for long says now and then that it is there.
  private func judgeLife(of talk: Conversation, _ promise: Oracle.Promise) async {
    guard promise.isCertain, let a = peers[talk.caller], let b = peers[talk.called] else { return }
    let here = await a.connection(with: id(of: talk.called)) === talk.connection
    let there = await b.connectedPeers.contains(id(of: talk.caller))
    judgement.expect(here && there, .noSilence, "\(talk.name) have lost each other, and nothing was broken")
  }

  /// What goes by a relay looks for something better from time to time.
  private func judgeImprovement(of talk: Conversation) async {
    guard let connection = await peers[talk.caller]?.connection(with: id(of: talk.called)),
      let kind = try? await kind(of: connection, among: [.direct])
    else { return }
    judgement.expect(
      kind == .direct, .noSilence,
      "\(talk.name) go \(kind) for \(ScenarioLimits.improving) in which nobody has found the direct way")
  }
}

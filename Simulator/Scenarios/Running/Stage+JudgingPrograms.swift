import Warren
import WarrenSimulator

// What must come of echoes, meshes and portals.
extension Stage {
  func judgeProgram(_ expectation: Expectation) {
    switch expectation {
    case .echo(let name, let echo, let transport, let limit):
      let time = firstCall(name, echo, transport)
      judgement.expect(
        time.map { $0 <= limit ?? $0 } ?? false, .expectation,
        "\(name) asks \(echo) over \(transport.name): \(time.map { "it has taken \($0)" } ?? "nothing comes back")"
      )
    case .noEcho(let name, let echo, let transport):
      judgement.expect(
        firstCall(name, echo, transport) == nil, .expectation,
        "\(name) reaches \(echo) over \(transport.name)")
    case .mesh(let mesh, let limit):
      for name in scenario.nodeNames(of: mesh) {
        let time = meshTalk.wholeTime(of: name)
        judgement.expect(
          time.map { $0 <= limit } ?? false, .expectation,
          "\(name) knows all of \(mesh) \(time.map { "after \($0)" } ?? "never")")
      }
    case .heard(let speaker, let limit): judgeHeard(speaker, within: limit, .expectation)
    default: break
    }
  }

  private func firstCall(_ name: String, _ echo: String, _ transport: TransportProtocol) -> Duration? {
    echoes.first { $0.caller == name && $0.echo == echo && $0.transport == transport }?.answered
  }

  private func judgeHeard(_ speaker: String, within limit: Duration, _ rule: Rule, last isLast: Bool = false)
  {
    guard case .mesh(let mesh) = scenario.program(of: speaker) else { return }
    for name in scenario.nodeNames(of: mesh) where name != speaker {
      let time = meshTalk.time(from: speaker, to: name, last: isLast)
      judgement.expect(
        time.map { $0 <= limit } ?? false, rule,
        "\(name) hears what \(speaker) says to all of \(mesh) \(time.map { "after \($0)" } ?? "never")")
    }
  }

  /// A mesh whose nodes can all reach each other is one: all know each other, and what one says all hear.
  func judgeMeshes() async throws {
    var told: Set<String> = []
    for speaker in scenario.nodeNames {
      guard case .mesh(let mesh) = scenario.program(of: speaker), told.insert(mesh).inserted else { continue }
      let names = scenario.nodeNames(of: mesh)
      let areCertain = names.allSatisfy { one in
        names.allSatisfy { $0 == one || oracle.promise(one, $0).isCertain }
      }
      guard areCertain else { continue }
      for name in names {
        let known = Set(await meshes[name]?.members.filter(\.isThere).map(\.id) ?? [])
        let missing = names.filter { !known.contains(id(of: $0)) }
        judgement.expect(
          missing.isEmpty, .promise, "\(name) does not know \(missing.joined(separator: ", "))")
      }
      await broadcast(speaker)
      try await director.sleep(for: ScenarioLimits.asking)
      judgeHeard(speaker, within: ScenarioLimits.asking, .promise, last: true)
    }
  }

  /// A portal that answers in the place of others learns from nobody who it is.
  func judgePortals() async {
    for name in scenario.machineNames {
      guard let portal = portals[name] else { continue }
      let heard = await portal.heard
      for peer in scenario.machineNames where scenario.program(of: peer).isEnd {
        let secrets = [id(of: peer).bytes, Array("\(id(of: peer))".utf8)]
        judgement.expect(
          !secrets.contains { heard.contains($0) }, .expectation, "\(name) hears who \(peer) is")
      }
    }
  }
}

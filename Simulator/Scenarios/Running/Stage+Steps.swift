import Warren
import WarrenSimulator

// What happens to the network and to programs.
extension Stage {
  /// Lets something happen, to its end.
  func perform(_ step: Step) async throws {
    if step.time > .zero { try await director.sleep(for: step.time) }
    world.note("\(step.action)")
    if let name = step.ended { cutShort { $0.caller == name || $0.called == name } }
    switch step.action {
    case .connect(let one, let other, let talk): converse(one, other, talk)
    case .close(let one, let other):
      cutShort { [$0.caller, $0.called] == [one, other] || [$0.caller, $0.called] == [other, one] }
      await peers[one]?.connection(with: id(of: other))?.close()
    case .prefer(let one, let other, let kind):
      do {
        try await peers[one]?.connection(with: id(of: other))?.prefer(kind)
      } catch {
        judgement.expect(isChaotic, .expectation, "\(step.action): \(error)")
      }
    case .cut(let one, let other, let isOneWay, let length):
      cut(one, other, isOneWay, isMended: false)
      try await after(length) { self.cut(one, other, isOneWay, isMended: true) }
    case .link(let name, let link, let length):
      try await change(name, to: link, for: length)
    case .down(let name, let length):
      setLinks(of: name, up: false)
      try await after(length) { self.setLinks(of: name, up: true) }
    case .reboot(let name, let isElsewhere): world.box(name).reboot(renumbering: isElsewhere)
    case .lease(let name): world.machine(name).renumber()
    case .roam(let name, let box, let gap):
      setLinks(of: name, up: false)
      try await director.sleep(for: gap)
      world.machine(name).roam(behind: world.box(box))
      setLinks(of: name, up: true)
    case .crash(let name, let length): try await crash(name, for: length)
    case .restart(let name):
      try await alone(with: name) {
        await self.stop(name)
        try await self.start(name)
      }
    case .sleep(let name, let length):
      world.machine(name).fallAsleep(for: length)
      try await director.sleep(for: length)
    case .clock(let name, let time): world.machine(name).clockError += time
    case .ask(let name, let echo, let transport): await ask(name, echo, transport)
    case .broadcast(let name): await broadcast(name)
    case .open(let name):
      unlocked.insert(name)
      world.box(name).hold(for: nil)
    }
  }

  private func cutShort(_ isConcerned: (Conversation) -> Bool) {
    for conversation in conversations where isConcerned(conversation) { conversation.isCutShort = true }
  }

  private func after(_ length: Duration?, _ body: () -> Void) async throws {
    guard let length else { return }
    try await director.sleep(for: length)
    body()
    world.note("what has lasted \(length) is over")
  }

  private func cut(_ one: String, _ other: String, _ isOneWay: Bool, isMended: Bool) {
    for (from, to) in isOneWay ? [(one, other)] : [(one, other), (other, one)] {
      if isMended { world.mend(from: from, to: to) } else { world.cut(from: from, to: to) }
    }
  }

  /// Where several changes overlap, the last to begin decides, and its end is the end of all.
  private func change(_ name: String, to link: LinkPair, for length: Duration?) async throws {
    let machine = world.machine(name)
    let now = LinkPair(up: machine.uplink.configuration, down: machine.downlink.configuration)
    let (usual, changes) = usualLinks[name] ?? (now, 0)
    usualLinks[name] = length == nil ? nil : (usual, changes + 1)
    set(link, of: machine)
    try await after(length) {
      guard self.usualLinks[name]?.changes == changes + 1 else { return }
      self.usualLinks[name] = nil
      self.set(usual, of: machine)
    }
  }

  private func set(_ link: LinkPair, of machine: SimulatedMachine) {
    let isUp = machine.uplink.configuration.isUp
    (machine.uplink.configuration, machine.downlink.configuration) = (link.up, link.down)
    machine.uplink.configuration.isUp = isUp
    machine.downlink.configuration.isUp = isUp
  }

  private func setLinks(of name: String, up isUp: Bool) {
    let machine = world.machine(name)
    machine.uplink.configuration.isUp = isUp
    machine.downlink.configuration.isUp = isUp
  }

  /// Nobody hears how it ends.
  private func crash(_ name: String, for length: Duration?) async throws {
    try await alone(with: name) {
      self.setLinks(of: name, up: false)
      let stopping = self.director.spawn("the end of \(name)") { await self.stop(name) }
      guard let length else { return }
      try await self.director.sleep(for: length)
      _ = await stopping.result
      self.setLinks(of: name, up: true)
      try await self.start(name)
    }
  }

  /// A program that is being ended or started is left alone.
  private func alone(with name: String, _ body: () async throws -> Void) async throws {
    guard changing.insert(name).inserted else { return }
    defer { changing.remove(name) }
    try await body()
  }
}

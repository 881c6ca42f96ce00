import WarrenCrypto
import WarrenMachine

extension RegistryServer {
  /// Takes a message, and says what there is to say.
  func take(_ incoming: MessageReader.Incoming, of session: RegistrySession) async {
    count { $0.messages += 1 }
    let request = incoming.request
    do throws(RegistryError) {
      guard session.messages.take(at: configuration.messages, machine.now) == nil else {
        count { $0.tooFast += 1 }
        throw RegistryError(.tooFast, "too many messages in too short a time")
      }
      guard let message = try incoming.message.get() else { return }
      if let answer = try await self.answer(message, request, of: session) {
        session.say(answer, as: request)
      }
    } catch {
      session.say(.failed(error), as: request)
    }
  }

  /// - Returns: what is answered at once.
  private func answer(
    _ message: RegistryMessage, _ request: UInt32, of session: RegistrySession
  ) async throws(RegistryError) -> RegistryMessage? {
    let owner = RegistryOwner.key(session.peer)
    switch message {
    case .hello: break
    case .register(let announced): session.hides = announced.isHidden
    default: session.hides = session.hides ?? false
    }
    switch message {
    case .register(let announced): return try await register(announced, of: session)
    case .renew:
      try await registry.renew(owner)
      grantRelay(to: session)
      return .done
    case .withdraw:
      await registry.withdraw(owner)
      return .done
    case .rename(let name):
      try await registry.rename(owner, to: name)
      session.name = name
      return .done
    case .find(let target): return try await found(target, by: session.peer)
    case .list(let start): return await page(from: start)
    case .introduce(let asked): return try await introduce(asked, request, of: session)
    default: return try answerAtOnce(message, request, of: session)
    }
  }

  /// The same, for what needs no waiting. By itself, since what a peer's task has needed once it keeps.
  @inline(never)
  private func answerAtOnce(
    _ message: RegistryMessage, _ request: UInt32, of session: RegistrySession
  ) throws(RegistryError) -> RegistryMessage? {
    switch message {
    case .hello: return nil
    case .wait(let key):
      let ticket = try pairing.wait(
        with: key, PairingDesk.Offer(.udp, at: session.observed), at: machine.now)
      session.waiting.append((ticket, request))
      waiting[ticket] = session
      schedule()
      return nil
    case .accept(let id, let addresses):
      try registry.check(addresses)
      let own = addressesOf(session, addresses)
      guard let (pair, question) = desk.accept(id, by: session.peer, at: machine.now) else {
        throw RegistryError(.notRegistered, "nobody waits for this answer any more")
      }
      count { $0.accepted += 1 }
      if let caller = sessions[pair.caller] {
        let answer = Introduction.Answer(id: id, peer: session.peer, addresses: own)
        tell(caller, .accepted(answer), as: question)
        tellRelays(of: session, to: caller, in: id)
      }
      return .done
    case .deny(let id, let reason):
      guard let pair = desk.deny(id, by: session.peer) else { return .done }
      count { $0.denied += 1 }
      if let caller = sessions[pair.caller], let question = pair.question {
        tell(caller, .failed(RegistryError(.denied, reason)), as: question)
      } else if let caller = sessions[pair.caller] {
        tell(caller, .end(id))
      }
      return .done
    case .signal(let id, let bytes):
      guard let other = desk.listener(id, to: session.peer), let listener = sessions[other] else {
        return nil
      }
      if tell(listener, .signal(id, bytes)) { count { $0.signals += 1 } }
      return nil
    case .end(let id):
      if let pair = desk.end(id, by: session.peer) { tellEnd(of: id, pair, except: session.peer) }
      return nil
    case .forget:
      if let place = session.waiting.firstIndex(where: { $0.request == request }) {
        let ticket = session.waiting.remove(at: place).ticket
        pairing.leave(ticket)
        waiting[ticket] = nil
      }
      if let (id, pair) = desk.forget(request, by: session.peer) {
        tellEnd(of: id, pair, except: session.peer)
      }
      return nil
    default: throw RegistryError(.badMessage, "this is for a registry to say")
    }
  }

  private func register(
    _ announced: Announcement, of session: RegistrySession
  ) async throws(RegistryError) -> RegistryMessage {
    try registry.check(announced.addresses)
    session.attested = proven(announced.attested)
    session.relayed = proven(announced.relayed)
    try await registry.register(
      Registration(
        of: .key(session.peer), named: announced.name, isListed: announced.isListed,
        consent: announced.consent, at: addressesOf(session, announced.addresses).filter { $0.port != 0 }))
    session.name = announced.name
    let seen = addressesOf(session, announced.addresses)
    for (id, watcher) in desk.watchers(of: session.peer) {
      if let watcher = sessions[watcher] {
        tell(watcher, .seen(id, addresses: seen, relays: session.relayed))
      }
    }
    grantRelay(to: session)
    return .done
  }

  private func proven(_ addresses: [AttestedAddress]) -> [SocketAddress] {
    addresses.filter { attestor.isRight($0, at: machine.now) }.map(\.address)
  }

  /// At which relays one side of an introduction was seen, where it was.
  private func tellRelays(of session: RegistrySession, to other: RegistrySession, in introduction: UInt64) {
    guard !session.relayed.isEmpty else { return }
    tell(other, .seen(introduction, addresses: [], relays: session.relayed))
  }

  private func found(
    _ target: RegistryTarget, by peer: PeerID
  ) async throws(RegistryError) -> RegistryMessage {
    var found = try await find(target, for: peer)
    if case .key(let owner) = found.owner, owner != peer, found.consent.answer(to: peer) != true {
      found.addresses = []
    }
    return .found(found)
  }

  private func page(from start: RegistryPage.Start?) async -> RegistryMessage {
    var page = await registry.list(from: start)
    // Where they are is not for everyone.
    for place in page.registrations.indices { page.registrations[place].addresses = [] }
    page.registrations.removeAll { if case .address = $0.owner { true } else { false } }
    return .page(page)
  }

  /// Where a peer is now; it is told where it is seen as soon as that is somewhere else.
  func look(at session: RegistrySession) async {
    let observed = await session.link.remote
    guard observed != session.observed else { return }
    session.observed = observed
    // What it was told of the relay was for where it was.
    session.grantDue?.at = machine.now
    session.say(.welcome(observed: observed, lifetime: registry.configuration.terms.lifetime))
  }

  private func find(_ target: RegistryTarget, for peer: PeerID) async throws(RegistryError) -> Registration {
    let found: Registration? =
      switch target {
      case .name(let name): await registry.find(name)
      case .key(let key): await registry.find(.key(key))
      case .pairing: nil
      }
    guard let found else {
      throw RegistryError(.notRegistered, "nobody is registered as \(quoted(target.description))")
    }
    return found
  }

  private func introduce(
    _ asked: Introduction.Request, _ request: UInt32, of session: RegistrySession
  ) async throws(RegistryError) -> RegistryMessage? {
    guard session.introductions.take(at: configuration.introductions, machine.now) == nil else {
      count { $0.tooFast += 1 }
      throw RegistryError(.tooFast, "too many were asked for in too short a time")
    }
    count { $0.introductions += 1 }
    try registry.check(asked.addresses)
    let own = addressesOf(session, asked.addresses)
    let (callee, isWanted, theirs) = try await callee(of: asked.target, for: session)
    let id = try desk.begin(
      session.peer, with: callee.peer, question: isWanted ? nil : request, at: machine.now)
    schedule()
    let introduction = Introduction(
      id: id, of: session.peer, named: session.name, at: own, isQuestion: !isWanted, asked.content)
    guard tell(callee, .introduced(introduction)) else {
      desk.end(id, by: session.peer)
      throw RegistryError(.notReachable, "\(asked.target) is asked for too much: try again in a moment")
    }
    tellRelays(of: session, to: callee, in: id)
    guard isWanted else { return nil }
    count { $0.accepted += 1 }
    // Said before the answer, which is last: whoever is called should have heard of the caller when its packets come.
    tellRelays(of: callee, to: session, in: id)
    return .accepted(Introduction.Answer(id: id, peer: callee.peer, addresses: theirs))
  }

  /// Who is asked for, and whether it has said already that it wants to be connected; then where it is.
  private func callee(
    of target: RegistryTarget, for session: RegistrySession
  ) async throws(RegistryError) -> (RegistrySession, isWanted: Bool, [SocketAddress]) {
    if case .pairing(let secret) = target {
      let (ticket, _) = try pairing.ask(
        with: secret, PairingDesk.Offer(.udp, at: session.observed), from: session.observed.ip)
      guard let other = waiting.removeValue(forKey: ticket) else {
        throw RegistryError(.nobodyWaits, "nobody waits with this key")
      }
      let itself = RegistryError(.badMessage, "whoever waits with this key is this program itself")
      if let place = other.waiting.firstIndex(where: { $0.ticket == ticket }) {
        let request = other.waiting.remove(at: place).request
        let answer = Introduction.Answer(id: 0, peer: session.peer, addresses: [])
        tell(other, other.peer == session.peer ? .failed(itself) : .accepted(answer), as: request)
      }
      guard other.peer != session.peer else { throw itself }
      await look(at: other)
      return (other, true, addressesOf(other, []))
    }
    let found = try await find(target, for: session.peer)
    guard case .key(let peer) = found.owner else {
      throw RegistryError(.notReachable, "\(target) has no key, and cannot be connected with")
    }
    guard peer != session.peer else {
      throw RegistryError(.badMessage, "\(target) is this program itself")
    }
    let answer = found.consent.answer(to: session.peer)
    guard answer != false else {
      count { $0.denied += 1 }
      throw RegistryError(.denied, "\(target) does not want to be connected with you")
    }
    guard let callee = sessions[peer], !callee.isOver else {
      throw RegistryError(.away, "\(target) is registered, and has not been heard of for a moment")
    }
    await look(at: callee)
    return (callee, answer == true, addressesOf(callee, found.addresses))
  }

  /// Where a peer is seen, unless it hides that, and of what it says of where it is, what others may send to: the machine that was
  /// seen, and private networks.
  private func addressesOf(_ session: RegistrySession, _ addresses: [SocketAddress]) -> [SocketAddress] {
    // Over TCP another port is seen than the one that matters, but the machine is the same: 0 stands for that.
    let port = session.link.showsPort ? session.observed.port : 0
    var all = [SocketAddress(session.observed.ip, port: port)]
    for address in session.attested where !all.contains(address) { all.append(address) }
    let seen = all.map(\.ip)
    if session.hides ?? true { all = [] }
    for address in addresses where all.count < RegistryLimits.addresses && !all.contains(address) {
      let ip = address.ip
      if seen.contains(ip) || ip.isPrivate || ip.isCarrierShared || (ip.isLoopback && seen[0].isLoopback) {
        all.append(address)
      }
    }
    return all
  }
}

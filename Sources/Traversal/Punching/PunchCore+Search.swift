import WarrenCrypto
import WarrenMachine
import WarrenSTUN

/// The search for a port that nobody can know (see ``SearchPlan``): it only finds an address, and the ICE checks that
/// follow prove whose it is.
extension PunchCore {
  // MARK: Deciding

  /// Tells the other side how the NATs before this machine choose ports.
  mutating func tellPorts(_ model: PortModel, sampleAge: Duration, at now: Instant) {
    let report = PortReport(
      model: model, filtering: configuration.filtering, sampleAge: sampleAge, round: search.round,
      pinned: search.pinnedPort, permitsExhaustive: configuration.searchesExhaustively)
    search.own = .init(report: report, at: now)
    say(.ports(report))
    // Whose port cannot be known must send first: nobody else can.
    if report.kind.mapping != .endpointIndependent { ice.endHeadStart(at: now) }
    decideSearch(at: now)
    if let (plan, round) = search.pendingPlan { receivePlan(plan, round: round, at: now) }
  }

  mutating func receivePorts(_ report: PortReport, at now: Instant) {
    // Signals may come twice, and in another order.
    guard search.theirs.map({ report.round > $0.report.round }) ?? true, report.round < SearchLimits.rounds,
      isUsable(report.model)
    else { return }
    search.theirs = .init(report: report, at: now)
    // The other side looks once more: so does this one, unless its own search goes on.
    if report.round > search.round, search.running == nil, search.prepared == nil {
      search.round = report.round - 1
      nextRound(at: now)
    }
    decideSearch(at: now)
    if let (plan, round) = search.pendingPlan { receivePlan(plan, round: round, at: now) }
  }

  /// Whether this side plans: of both, the one whose name comes first, whatever roles they believe to have. Nil while the
  /// other side's name is not known.
  private var isPlanner: Bool? {
    ice.remoteUsernameFragment.map {
      ice.credentials.usernameFragment.utf8.lexicographicallyPrecedes($0.utf8)
    }
  }

  /// One side plans, as soon as both have told of their ports.
  mutating func decideSearch(at now: Instant) {
    guard search.running == nil, search.prepared == nil, !search.hasPlanned, !hasDirectPath,
      let mine = search.own, let theirs = search.theirs, mine.report.round == search.round,
      theirs.report.round == search.round, let isPlanner
    else { return }
    let decision = SearchPlan.decide(mine: mine.report, theirs: theirs.report)
    if case .relayOnly(let reason) = decision { hopeless = reason }
    guard isPlanner else { return }
    search.hasPlanned = true
    guard let plan = plan(for: decision, at: now) else { return }
    say(.search(plan, round: search.round))
    startSearch(plan, as: .proposer, at: now)
  }

  private mutating func plan(for decision: SearchDecision, at now: Instant) -> SearchPlan? {
    guard let profile = configuration.search else { return nil }
    switch decision {
    case .noSearch, .relayOnly: return nil
    case .predict(.mine, _): return plan(.predict, opener: .proposer, profile, at: now)
    case .predict(.theirs, _): return plan(.predict, opener: .accepter, profile, at: now)
    case .predict(.both, _): return plan(.meet, opener: .accepter, profile, at: now)
    case .birthday(let opener, _):
      return plan(.birthday, opener: opener == .mine ? .proposer : .accepter, profile, at: now)
    case .exhaustive(let opener):
      return plan(.exhaustive, opener: opener == .mine ? .proposer : .accepter, .exhaustive, at: now)
    }
  }

  private mutating func plan(
    _ method: SearchPlan.Method, opener: SearchPlan.Party, _ profile: SearchProfile, at now: Instant
  ) -> SearchPlan? {
    guard let known = opener == .proposer ? search.own : search.theirs else { return nil }
    let insidePort = opener == .proposer ? samplingBase?.local.port : insidePort(known.report.model)
    return SearchPlan(
      method, opener: opener, profile: profile, model: known.report.model, seed: random.next(),
      localPort: insidePort ?? 0, sampleAge: known.age(at: now))
  }

  /// The other side's inside port, where its NAT keeps ports.
  private func insidePort(_ model: PortModel) -> UInt16? {
    guard case .offset(let offset) = model.rules[0].rule, let outside = reflexivePort else { return nil }
    return outside &- UInt16(truncatingIfNeeded: offset)
  }

  /// The other side's port, as STUN servers see it.
  private var reflexivePort: UInt16? { publicRemote?.port }

  /// Where STUN servers see the other side, or where it is.
  var publicRemote: SocketAddress? {
    let known = ice.remotes.filter {
      $0.transport == .udp && $0.address.ip.family == .v4 && $0.kind != .relayed && $0.kind != .peerReflexive
        && !$0.address.ip.isPrivate && !$0.address.ip.isLoopback
    }
    let address = (known.first { $0.kind == .serverReflexive } ?? known.first)?.address
    guard let pinned = search.theirs?.report.pinned else { return address }
    return address.map { SocketAddress($0.ip, port: pinned) }
  }

  /// Whether the addresses of a model could be another machine's: packets go there.
  private mutating func isUsable(_ model: PortModel) -> Bool {
    for ip in model.addresses {
      guard let refusal = ip.refusal(allowingLoopback: configuration.usesLoopback) else { continue }
      ice.counters.refusals.count(refusal)
      return false
    }
    return true
  }

  mutating func receivePlan(_ plan: SearchPlan, round: UInt8, at now: Instant) {
    guard isUsable(plan.model) else { return }
    // Signals may overtake each other.
    guard search.theirs?.report.round == round, search.own?.report.round == round else {
      search.pendingPlan = (plan, round)
      return
    }
    search.pendingPlan = nil
    guard let profile = configuration.search, search.running == nil, search.prepared == nil,
      !search.hasPlanned, isPlanner == false,
      plan.method != .exhaustive || configuration.searchesExhaustively
    else { return }
    // One a round: it is the other side that decides how often this one searches, but not without end.
    search.hasPlanned = true
    startSearch(
      plan.limited(to: plan.method == .exhaustive ? .exhaustive : profile), as: .accepter, at: now)
  }

  // MARK: Starting

  private mutating func startSearch(_ plan: SearchPlan, as party: SearchPlan.Party, at now: Instant) {
    guard !hasDirectPath,
      let target = publicRemote ?? plan.model.addresses.first.map({ SocketAddress($0, port: 0) }),
      permit.isAttested(target.ip), let part = part(in: plan, as: party, at: now)
    else { return }
    search.openerPackets = 0
    if case .opens = part {
      search.targets = openerTargets(target, at: now)
    } else {
      let outside =
        plan.opener == party ? search.theirs?.report.model.addresses.first : plan.model.addresses.first
      search.targets = [outside.map { SocketAddress($0, port: 0) } ?? target]
    }
    guard search.targets.allSatisfy({ permit.isAttested($0.ip) }) else { return }
    search.prepared = (plan, part)
  }

  /// Whether a search has been agreed upon, and waits for ``beginSearch(at:)``.
  public var wantsSearch: Bool { search.prepared != nil }

  /// Whether this side looks at its own ports, for a search.
  public var isSampling: Bool { search.sampling != nil || search.pin != nil }

  /// Whether a search goes on.
  public var isSearching: Bool { search.running != nil }

  /// Begins the search that has been agreed upon.
  public mutating func beginSearch(at now: Instant) {
    guard let (plan, part) = search.prepared else { return }
    search.prepared = nil
    guard !hasDirectPath else { return }
    search.running = SearchCore(plan, part, at: now)
    handleSearch(at: now)
  }

  private func part(in plan: SearchPlan, as party: SearchPlan.Party, at now: Instant) -> SearchCore.Part? {
    let isOpener = plan.opener == party
    let interval: Duration = .nanoseconds(1_000_000_000 / Int64(max(1, plan.probeRate)))
    let own = search.own?.report
    let isSlow = own?.moves ?? false
    if plan.method == .exhaustive { return sweep(plan, isOpener: isOpener, every: interval) }
    guard plan.method == .meet else {
      return isOpener ? .opens : .probes(plan.ports(), every: interval)
    }
    guard let theirs = search.theirs else { return nil }
    if isSlow, theirs.report.moves, let counter = theirs.report.counter {
      // One goes by one step, the other by two.
      return .steps(PortStepping(counter, stride: isOpener ? 2 : 1), every: SearchLimits.steppingInterval)
    }
    var ports = plan.ports()
    if isOpener {
      var chance = SeededChance(seed: plan.seed)
      ports = PortSequence(
        theirs.report.model,
        PortOutlook(elapsed: theirs.age(at: now), localPort: insidePort(theirs.report.model)),
        using: &chance)
    }
    return .probes(ports, every: isSlow ? SearchLimits.steppingInterval : interval)
  }

  /// Every port that the other side's NAT may give, in an order of this side's own, while the other side does the same.
  ///
  /// Each packet to another port makes a mapping, if the NAT looks at ports; two that lead to each other are found. With
  /// as many mappings as there are ports on each side, one such pair is expected: 63 % have one. Where the NATs
  /// look at addresses alone, each has one port for the other, and it is found for certain.
  private func sweep(_ plan: SearchPlan, isOpener: Bool, every interval: Duration) -> SearchCore.Part? {
    guard let theirs = search.theirs?.report.model else { return nil }
    var model = PortModel(mapping: theirs.mapping, range: .unreserved)
    if case .range(let range, _) = theirs.rules[0].rule {
      model = PortModel(mapping: theirs.mapping, range: range)
    }
    var chance = SeededChance(seed: isOpener ? plan.seed : ~plan.seed)
    return .probes(PortSequence(model, using: &chance), every: interval)
  }

  /// Where the opener sends to: a port that is known, or the few that are likeliest, in turn.
  private func openerTargets(_ target: SocketAddress, at now: Instant) -> [SocketAddress] {
    guard let theirs = search.theirs, theirs.report.kind.mapping != .endpointIndependent,
      let counter = theirs.report.counter, theirs.report.model.rules[0].rule == .counter(counter)
    else { return [target] }
    var chance = SeededChance(seed: 0)
    var ports = PortSequence(
      theirs.report.model, PortOutlook(elapsed: theirs.age(at: now)), using: &chance)
    return (0..<PunchLimits.foreseenPorts).compactMap { _ in
      ports.next().map { SocketAddress(target.ip, port: $0) }
    }
  }

  // MARK: Searching

  /// Moves everything that is due to the packets to be sent.
  mutating func handleSearch(at now: Instant) {
    while let action = search.running?.next(at: now) {
      switch action {
      case .open(let number): search.socketRequests.append(.search(number))
      case .again(let number):
        if let opened = search.sockets.first(where: { $0.number == number }) { sendFrom(opened.socket) }
      case .probe(let ports): search.due += ports.map { .probe($0) }
      }
    }
    if let over = search.running, over.isOver { searchEnded(over.plan, at: now) }
  }

  /// A wanted socket of the opener's is there.
  mutating func openedSearchSocket(_ number: Int, socket: Int, port: UInt16) {
    search.sockets.append((number, socket, port))
    sendFrom(socket)
  }

  private mutating func sendFrom(_ socket: Int) {
    search.due.append(.opener(.socket(socket), search.openerPackets))
    search.openerPackets += 1
  }

  /// Nothing was found: what can be foreseen is looked at once more.
  private mutating func searchEnded(_ plan: SearchPlan, at now: Instant) {
    endSearch(at: now)
    switch plan.method {
    case .predict, .meet: nextRound(at: now)
    case .birthday where search.round + 1 < SearchLimits.birthdayRounds: nextRound(at: now)
    case .exhaustive where search.round + 1 < SearchLimits.exhaustiveRounds: nextRound(at: now)
    case .birthday, .exhaustive: break
    }
  }

  private mutating func nextRound(at now: Instant) {
    guard search.round + 1 < SearchLimits.rounds, search.sampling == nil, !hasDirectPath else {
      return
    }
    search.round += 1
    search.hints = 0
    search.hasPlanned = false
    beginSampling(at: now)
  }

  /// What a packet of a search carries: nothing, under an id that only the two sides can know.
  mutating func pollSearchPacket(into message: inout STUNMessageWriter) -> Transmit? {
    guard !search.due.isEmpty, !search.targets.isEmpty, let remote = ice.remoteCredentials else { return nil }
    let packet = search.due.removeFirst()
    message.begin(.indication, .binding, search.theirs(token: remote))
    switch packet {
    case .opener(let channel, let number):
      // What arrives before the prober has sent to its port may take the prober's own: see `handleClash(at:)`.
      let isHushed = search.running?.plan.isHushed(number) ?? false
      return Transmit(
        channel: channel, destination: search.targets[number % search.targets.count],
        hopLimit: isHushed ? configuration.primingHopLimit : nil)
    case .probe(let port):
      guard let base = samplingBase else { return nil }
      return Transmit(
        channel: base.channel, destination: SocketAddress(search.targets[0].ip, port: port),
        source: base.local.ip)
    }
  }

  /// A packet of the other side's search has come through: now its source is checked as any candidate is.
  mutating func receiveSearchPacket(
    _ message: borrowing STUNMessage, _ channel: Channel, _ local: IPAddress?, _ source: SocketAddress,
    at now: Instant
  ) -> Bool {
    guard message.bytes.byteCount == STUNMessageWriter.headerSize else { return false }
    // Of several that come through the first is as good as any: the others would only be more to check. Whoever has seen
    // one can send it again from anywhere: so it must come from where the other side is, and few are followed.
    guard message.transactionID == search.ours(token: ice.credentials), !hasDirectPath,
      isExpected(source.ip), permit.isAttested(source.ip), search.hints < PunchLimits.hints,
      let base = base(forSearch: channel, local, source.ip.family, at: now)
    else { return false }
    // The prober is here, whatever was thought: from now on, mappings are opened towards this port.
    if let running = search.running, running.isOpener, search.targets.first?.ip == source.ip {
      search.targets = [source]
    }
    search.hints += 1
    ice.suspect(source, on: ICEBaseID(base), at: now)
    return true
  }

  /// Whether the other side has said that it is at this address.
  private func isExpected(_ ip: IPAddress) -> Bool {
    search.theirs?.report.model.addresses.contains(ip) ?? false
      || ice.remotes.contains { $0.address.ip == ip }
  }

  /// The base of a channel; a search's sockets become bases when something comes through.
  mutating func base(
    forSearch channel: Channel, _ local: IPAddress?, _ family: IPAddress.Family, at now: Instant
  ) -> Int? {
    if let known = base(of: channel, local, family) { return known }
    guard let opened = search.sockets.first(where: { .socket($0.socket) == channel }),
      let ip = local ?? bases.first(where: { $0.local.ip.family == family })?.local.ip
    else { return nil }
    return addSearchBase(channel, SocketAddress(ip, port: opened.port), at: now)
  }

  /// A base that forms pairs only with what comes through it.
  mutating func addSearchBase(_ channel: Channel, _ local: SocketAddress, at now: Instant) -> Int {
    bases.append(Base(channel: channel, local: local))
    _ = ice.addBase(
      .init(
        Candidate(
          .host, at: local, priority: Candidate.priority(.host, localPreference: 1),
          foundation: "x\(local.port)"),
        localPreference: 1, pairsWithAll: false), at: now)
    return bases.count - 1
  }

  /// There is a way, or the time is over: the sockets through which nothing came are closed. Others may be what the
  /// other side will use.
  mutating func endSearch(at now: Instant) {
    search.stop()
    let heard = search.sockets.filter { opened in bases.contains { $0.channel == .socket(opened.socket) } }
    for opened in search.sockets where !heard.contains(where: { $0.socket == opened.socket }) {
      discard(opened.socket, at: now)
    }
    search.sockets = heard
  }

  /// Both sides have agreed on a way for a while: what else was opened on the way to it is closed.
  mutating func retireSearch(at now: Instant) {
    guard let due = search.retiresAt, due <= now else { return }
    search.retiresAt = nil
    search.stop()
    search.sampling = nil
    search.pin = nil
    search.socketRequests = []
    discardExtraSockets(at: now)
  }
}

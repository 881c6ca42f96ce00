import WarrenCrypto
import WarrenMachine
import WarrenSTUN

/// The search for a port that nobody can know (see ``SearchPlan``): it only finds an address, and the ICE checks that
/// follow prove whose it is.
extension PunchCore {
  /// Why a socket is wanted.
  public enum SocketPurpose: Hashable, Sendable {
    /// To see which outside ports several sockets get.
    case sampling
    /// The opener's socket of this number.
    case search(Int)
  }

  /// A packet of a search that is due.
  enum SearchPacket {
    case opener(Channel)
    case probe(UInt16)
  }

  // MARK: Sampling

  mutating func beginSampling(at now: Instant) {
    guard configuration.search != nil, let base = bases.first(where: { $0.local.ip.family == .v4 }) else {
      return
    }
    if let model = configuration.portModel {
      tellPorts(PortReport(model: model, filtering: configuration.filtering))
      return
    }
    let sampling = PortSampling(servers: configuration.stunServers.filter { $0.ip.family == .v4 })
    guard !sampling.isOver else { return }
    self.sampling = sampling
    samplers = [(base.channel, base.local.port)]
    socketRequests += Array(repeating: .sampling, count: SearchLimits.samplesPerBurst - 1)
  }

  /// The next socket that is wanted: a UDP socket of IPv4 at any port.
  public mutating func pollSocketRequest() -> SocketPurpose? {
    socketRequests.isEmpty ? nil : socketRequests.removeFirst()
  }

  /// A socket that can be closed again.
  public mutating func pollSocketToClose() -> Int? {
    socketsToClose.isEmpty ? nil : socketsToClose.removeFirst()
  }

  /// The wanted socket is there; without one, a search makes do with those it has.
  public mutating func opened(_ purpose: SocketPurpose, socket: Int?, port: UInt16, at now: Instant) {
    switch purpose {
    case .sampling:
      if let socket { samplers.append((.socket(socket), port)) } else { missingSamplers += 1 }
      guard samplers.count + missingSamplers == SearchLimits.samplesPerBurst else { return }
      sampling?.begin(samplers, at: now)
      sampling?.handleDeadline(at: now, using: &random)
    case .search(let number):
      guard let socket else { return }
      searchSockets.append((number, socket, port))
      duePackets.append(.opener(.socket(socket)))
    }
  }

  mutating func handleSampling(at now: Instant) {
    sampling?.handleDeadline(at: now, using: &random)
    endSampling(at: now)
  }

  private mutating func endSampling(at now: Instant) {
    guard let over = sampling, over.isOver else { return }
    sampling = nil
    for (channel, _) in samplers.dropFirst() {
      if case .socket(let socket) = channel { socketsToClose.append(socket) }
    }
    guard let model = PortModel(fitting: over.samples), let last = over.lastSample else { return }
    tellPorts(
      PortReport(model: model, filtering: configuration.filtering, sampleAge: last.duration(to: now)), at: now
    )
  }

  private mutating func tellPorts(_ report: PortReport, at now: Instant? = nil) {
    ownReport = report
    ownReportAt = now
    signals.append(.ports(report))
  }

  /// An answer to a sampling question.
  mutating func receiveSample(_ bytes: RawSpan, _ source: SocketAddress, at now: Instant) -> Bool {
    guard sampling != nil, configuration.stunServers.contains(source), let message = try? STUNMessage(bytes),
      message.messageClass == .success
    else { return false }
    let isTaken = sampling?.receive(message, from: source) ?? false
    if isTaken { endSampling(at: now) }
    return isTaken
  }

  // MARK: Deciding

  mutating func receivePorts(_ report: PortReport, at now: Instant) {
    theirReport = report
    theirReportAt = now
    decideSearch(at: now)
  }

  /// The controlling side plans, as soon as both have told of their ports.
  mutating func decideSearch(at now: Instant) {
    guard ice.role == .controlling, search == nil, !hasPlanned, let profile = configuration.search,
      let mine = ownReport, let theirs = theirReport, ice.openPaths.isEmpty
    else { return }
    hasPlanned = true
    var permissions: SearchPermissions = []
    if configuration.searchesExhaustively { permissions.insert(.exhaustive) }
    let decision = SearchPlan.decide(mine: mine.kind, theirs: theirs.kind, permitting: permissions)
    func plan(_ method: SearchPlan.Method, opener: SearchDecision.Side, _ profile: SearchProfile)
      -> SearchPlan
    {
      let (report, told) = opener == .mine ? (mine, ownReportAt) : (theirs, theirReportAt)
      return SearchPlan(
        method, opener: opener == .mine ? .proposer : .accepter, profile: profile, model: report.model,
        seed: random.next(), sampleAge: report.sampleAge + (told.map { $0.duration(to: now) } ?? .zero))
    }
    let chosen: SearchPlan? =
      switch decision {
      case .noSearch: nil
      case .predict(.mine, _): plan(.predict, opener: .mine, profile)
      case .predict(.theirs, _): plan(.predict, opener: .theirs, profile)
      case .predict(.both, _): plan(.predict, opener: .theirs, profile)
      case .birthday(let opener, _): plan(.birthday, opener: opener, profile)
      case .exhaustive(let opener): plan(.exhaustive, opener: opener, .exhaustive)
      case .relayOnly: nil
      }
    if case .relayOnly(let reason) = decision { hopeless = reason }
    guard let chosen else { return }
    signals.append(.search(chosen))
    startSearch(chosen, as: .proposer, at: now)
  }

  mutating func receivePlan(_ plan: SearchPlan, at now: Instant) {
    guard let profile = configuration.search, search == nil, ice.role == .controlled else { return }
    let own: SearchProfile
    if plan.method == .exhaustive {
      guard configuration.searchesExhaustively else { return }
      own = .exhaustive
    } else {
      own = profile
    }
    startSearch(plan.limited(to: own), as: .accepter, at: now)
  }

  private mutating func startSearch(_ plan: SearchPlan, as party: SearchPlan.Party, at now: Instant) {
    guard ice.openPaths.isEmpty, let target = searchTarget(plan, as: party), permit.isAttested(target.ip)
    else { return }
    searchTarget = target
    search = SearchCore(plan, isOpener: plan.opener == party, at: now)
  }

  /// Where this side's packets of a search go; of the opener only the address counts.
  private func searchTarget(_ plan: SearchPlan, as party: SearchPlan.Party) -> SocketAddress? {
    if plan.opener != party { return plan.model.addresses.first.map { SocketAddress($0, port: 0) } }
    let known = ice.remotes.filter {
      $0.transport == .udp && $0.address.ip.family == .v4 && $0.kind != .relayed && $0.kind != .peerReflexive
        && !$0.address.ip.isPrivate && !$0.address.ip.isLoopback
    }
    return (known.first { $0.kind == .serverReflexive } ?? known.first)?.address
  }

  // MARK: Searching

  /// Moves everything that is due to the packets to be sent.
  mutating func handleSearch(at now: Instant) {
    while let action = search?.next(at: now) {
      switch action {
      case .open(let number): socketRequests.append(.search(number))
      case .again(let number):
        if let place = searchSockets.firstIndex(where: { $0.number == number }) {
          duePackets.append(.opener(.socket(searchSockets[place].socket)))
        }
      case .probe(let port): duePackets.append(.probe(port))
      }
    }
  }

  /// What a packet of a search carries: nothing, under an id that only the two sides can know.
  mutating func pollSearchPacket(into message: inout STUNMessageWriter) -> Transmit? {
    guard !duePackets.isEmpty, let target = searchTarget, let token = searchToken(from: ice.remoteCredentials)
    else {
      return nil
    }
    message.begin(.indication, .binding, token)
    switch duePackets.removeFirst() {
    case .opener(let channel): return Transmit(channel: channel, destination: target)
    case .probe(let port):
      guard let base = bases.first(where: { $0.local.ip.family == .v4 }) else { return nil }
      return Transmit(
        channel: base.channel, destination: SocketAddress(target.ip, port: port), source: base.local.ip)
    }
  }

  /// The id of search packets to whoever has these credentials: 20 bytes then say whose they are.
  private func searchToken(from credentials: ICECredentials?) -> TransactionID? {
    guard let credentials else { return nil }
    let code = HMAC(.sha256, key: Array(credentials.password.utf8)).code(of: Array("warren search".utf8))
    let high = code[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return TransactionID(high, code[4..<12].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }

  /// A packet of the other side's search has come through: now its source is checked as any candidate is.
  mutating func receiveSearchPacket(
    _ bytes: RawSpan, _ channel: Channel, _ local: IPAddress?, _ source: SocketAddress, at now: Instant
  ) -> Bool {
    guard bytes.byteCount == STUNMessageWriter.headerSize, let message = try? STUNMessage(bytes),
      message.messageClass == .indication
    else { return false }
    if ownToken == nil { ownToken = searchToken(from: ice.credentials) }
    guard message.transactionID == ownToken, permit.isAttested(source.ip),
      let base = base(forSearch: channel, local, source.ip.family, at: now)
    else { return false }
    ice.suspect(source, on: ICEBaseID(base), at: now)
    return true
  }

  /// The base of a channel; a search's sockets become bases when something comes through.
  mutating func base(
    forSearch channel: Channel, _ local: IPAddress?, _ family: IPAddress.Family, at now: Instant
  ) -> Int? {
    if let known = base(of: channel, local, family) { return known }
    guard let opened = searchSockets.first(where: { .socket($0.socket) == channel }),
      let ip = local ?? bases.first(where: { $0.local.ip.family == family })?.local.ip
    else { return nil }
    let address = SocketAddress(ip, port: opened.port)
    bases.append(Base(channel: channel, local: address))
    _ = ice.addBase(
      .init(
        Candidate(
          .host, at: address, priority: Candidate.priority(.host, localPreference: 1),
          foundation: "x\(opened.port)"),
        localPreference: 1, pairsWithAll: false), at: now)
    return bases.count - 1
  }

  /// There is a way: the sockets that did not find it are closed.
  mutating func endSearch() {
    guard search != nil else { return }
    search?.stop()
    duePackets = []
    socketRequests.removeAll { $0 != .sampling }
    let inUse = ice.openPaths.map { bases[$0.base.index].channel }
    for opened in searchSockets where !inUse.contains(.socket(opened.socket)) {
      socketsToClose.append(opened.socket)
    }
    searchSockets.removeAll { !inUse.contains(.socket($0.socket)) }
  }
}

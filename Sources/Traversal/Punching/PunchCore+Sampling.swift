import WarrenMachine
import WarrenSTUN

/// Finding out how the NATs before this machine choose ports: a few sockets ask a few STUN servers.
extension PunchCore {
  /// Why a socket is wanted.
  public enum SocketPurpose: Hashable, Sendable {
    /// To see which outside ports several sockets get.
    case sampling
    /// To find out the port of a counter by address: the socket of this number of three.
    case pinning(Int)
    /// The opener's socket of this number.
    case search(Int)
    /// To have a port that no stranger has taken.
    case mending
  }

  /// The base whose ports are foreseen and from which ports are probed.
  var samplingBase: Base? {
    if let fresh = search.pinnedBase ?? search.roundBase { return bases[fresh] }
    return liveBases.first {
      guard case .socket(let socket) = bases[$0].channel else { return false }
      return bases[$0].local.ip.family == .v4 && ice.bases[$0].candidate.kind == .host
        && !extraSockets.contains(socket)
    }
    .map { bases[$0] }
  }

  mutating func beginSampling(at now: Instant) {
    guard configuration.search != nil, let base = samplingBase else { return }
    if let model = configuration.portModel, search.round == 0 {
      return tellPorts(model, sampleAge: .zero, at: now)
    }
    let sampling = PortSampling(servers: configuration.stunServers.filter { $0.ip.family == .v4 })
    guard !sampling.isOver else { return }
    search.sampling = sampling
    search.samplers = search.round == 0 ? [(base.channel, base.local.port)] : []
    search.missingSamplers = 0
    let wanted = SearchLimits.samplesPerBurst - search.samplers.count
    search.socketRequests += Array(repeating: .sampling, count: wanted)
  }

  /// The next socket that is wanted: a UDP socket of IPv4 at any port.
  public mutating func pollSocketRequest() -> SocketPurpose? {
    search.socketRequests.isEmpty ? nil : search.socketRequests.removeFirst()
  }

  /// A socket that can be closed again.
  public mutating func pollSocketToClose() -> Int? {
    socketsToClose.isEmpty ? nil : socketsToClose.removeFirst()
  }

  /// Lets go of a socket, with all that goes through it.
  mutating func discard(_ socket: Int, at now: Instant) {
    guard let place = extraSockets.firstIndex(of: socket) else { return }
    extraSockets.remove(at: place)
    socketsToClose.append(socket)
    for base in liveBases where bases[base].channel == .socket(socket) {
      if search.pinnedBase == base { search.pinnedBase = nil }
      if search.roundBase == base { search.roundBase = nil }
      ice.removeBase(ICEBaseID(base), at: now)
    }
  }

  /// Lets go of all sockets that were opened on the way, but for that of the path in use.
  mutating func discardExtraSockets(at now: Instant) {
    let inUse = ice.selected.map { bases[$0.base.index].channel }
    for socket in extraSockets where .socket(socket) != inUse { discard(socket, at: now) }
    search.sockets.removeAll { .socket($0.socket) != inUse }
  }

  /// The wanted socket is there; without one, a search makes do with those it has.
  public mutating func opened(_ purpose: SocketPurpose, socket: Int?, port: UInt16, at now: Instant) {
    if let socket { extraSockets.append(socket) }
    switch purpose {
    case .sampling:
      if let socket {
        search.samplers.append((.socket(socket), port))
      } else {
        search.missingSamplers += 1
      }
      guard search.samplers.count + search.missingSamplers == SearchLimits.samplesPerBurst else { return }
      search.sampling?.begin(search.samplers, at: now)
      handleSampling(at: now)
    case .pinning(let number):
      if search.pin == nil, let socket { discard(socket, at: now) }
      search.pin?.opened(number, socket.map { ($0, port) }, at: now, using: &random)
      handlePin(at: now)
    case .search(let number):
      guard let socket else { return }
      openedSearchSocket(number, socket: socket, port: port)
    case .mending:
      if let socket { openedFreshSocket(socket, port: port, at: now) }
    }
  }

  mutating func handleSampling(at now: Instant) {
    search.sampling?.handleDeadline(at: now, using: &random)
    endSampling(at: now)
  }

  private mutating func endSampling(at now: Instant) {
    guard let over = search.sampling, over.isOver else { return }
    search.sampling = nil
    let model = PortModel(fitting: over.samples)
    if search.round > 0, let model, PortReport(model: model).moves { beginRoundElsewhere(at: now) }
    for case (.socket(let socket), _) in search.samplers where samplingBase?.channel != .socket(socket) {
      discard(socket, at: now)
    }
    guard let model, let last = over.lastSample else { return }
    search.fitted = (model, last)
    pinOrTell(at: now)
  }

  /// The socket of the last round has mappings towards ports that are looked for again, and these do not move: another
  /// one has none.
  private mutating func beginRoundElsewhere(at now: Instant) {
    guard let (channel, port) = search.samplers.first, let ip = samplingBase?.local.ip else { return }
    search.roundBase = addSearchBase(channel, SocketAddress(ip, port: port), at: now)
  }

  // MARK: Pinning

  /// Tells of the ports, once a port that is counted by address has been found out.
  mutating func pinOrTell(at now: Instant) {
    guard let (model, last) = search.fitted, search.pin == nil else { return }
    if search.pinnedBase == nil, model.mapping == .addressDependent,
      case .counter(let counter) = model.rules[0].rule
    {
      // The other side's address is not known yet, or it cannot be found out.
      guard let remote = publicRemote else { return }
      if permit.isAttested(remote.ip), search.pinAttempts < PunchLimits.pinAttempts,
        let server = configuration.stunServers.first(where: { $0.ip.family == .v4 })
      {
        search.pinAttempts += 1
        search.pin = PortPin(counter, remote: remote, server: server)
        search.socketRequests += (0..<3).map { .pinning($0) }
        return
      }
    }
    search.fitted = nil
    tellPorts(model, sampleAge: last.duration(to: now), at: now)
  }

  mutating func handlePin(at now: Instant) {
    search.pin?.handleDeadline(at: now)
    guard let pin = search.pin else { return }
    if let (socket, port, outside) = pin.pinned {
      search.pin = nil
      for socket in pin.outer { discard(socket, at: now) }
      pinned(socket, port, outside, at: now)
    } else if pin.isSpoilt || pin.hasFailed {
      search.pin = nil
      for socket in pin.all { discard(socket, at: now) }
    } else {
      return
    }
    pinOrTell(at: now)
  }

  /// Writes what is to be sent to find out a port.
  mutating func pollPinPacket(into message: inout STUNMessageWriter) -> Transmit? {
    switch search.pin?.pollPacket() {
    case .question(let channel, let server, let id):
      message.begin(.request, .binding, id)
      return Transmit(channel: channel, destination: server, isQuestion: true)
    case .opening(let channel, let remote):
      message.begin(.indication, .binding, TransactionID(using: &random))
      return Transmit(channel: channel, destination: remote)
    case nil: return nil
    }
  }

  /// The port of a socket towards the other side is known: it is one more candidate.
  private mutating func pinned(_ socket: Int, _ port: UInt16, _ outside: SocketAddress, at now: Instant) {
    guard let ip = samplingBase?.local.ip else { return }
    let local = SocketAddress(ip, port: port)
    bases.append(Base(channel: .socket(socket), local: local))
    search.pinnedBase = bases.count - 1
    search.pinnedPort = outside.port
    let preference = nextPreference
    _ = ice.addBase(
      .init(
        Candidate(
          .host, at: local, priority: Candidate.priority(.host, localPreference: preference),
          foundation: "n\(bases.count)"), localPreference: preference), at: now)
    ice.addMapped(outside, of: ICEBaseID(bases.count - 1))
    tell(
      Candidate(
        .serverReflexive, at: outside, relatedTo: local,
        priority: Candidate.priority(.serverReflexive, localPreference: preference),
        foundation: "n\(bases.count)"))
  }

  /// An answer to a sampling question.
  mutating func receiveSample(
    _ message: borrowing STUNMessage, _ source: SocketAddress, at now: Instant
  ) -> Bool {
    guard search.sampling != nil || search.pin != nil, message.messageClass == .success,
      configuration.stunServers.contains(source)
    else { return false }
    if search.sampling?.receive(message, from: source) ?? false {
      endSampling(at: now)
      return true
    }
    guard search.pin?.receive(message, from: source) ?? false else { return false }
    handlePin(at: now)
    return true
  }
}

extension PunchCore.Channel {
  var isSocket: Bool { if case .socket = self { true } else { false } }
}

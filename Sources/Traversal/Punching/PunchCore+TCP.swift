import WarrenMachine
import WarrenSTUN

/// An address of the other side's that is dialled over TCP until a connection opens (RFC 6544, RFC 5382).
struct Dial {
  enum State {
    /// It is dialled at that time.
    case waiting(until: Instant)
    /// A dial is under way, and given up at that time.
    case dialling(until: Instant)
    /// It is not dialled any more: there is a connection, or no more hope.
    case ended
  }

  let remote: SocketAddress
  let began: Instant
  var state: State
  var wait = PunchLimits.firstRedial
  /// How long the next dial may take.
  var patience = PunchLimits.dialPatience

  var deadline: Instant? {
    switch state {
    case .waiting(let until), .dialling(let until): until
    case .ended: nil
    }
  }
}

extension PunchCore {
  /// Where to dial, from the port at which this side listens.
  public struct DialRequest: Hashable, Sendable {
    /// Which it is, for ``dialFailed(_:at:)``.
    public var number: Int
    /// From where.
    public var local: SocketAddress
    /// To where.
    public var remote: SocketAddress
  }

  /// Takes that this side listens, and dials, at a port of these addresses of the machine.
  public mutating func addListener(port: UInt16, addresses: [IPAddress]) {
    guard let family = addresses.first?.family else { return }
    let addresses = Array(addresses.prefix(PunchLimits.hostAddresses))
    listeners.removeAll { $0.family == family && $0.port == port }
    listeners.append((family, port, addresses))
    tellListener(port, addresses)
  }

  mutating func tellListener(_ port: UInt16, _ addresses: [IPAddress]) {
    for (place, ip) in addresses.enumerated() {
      tell(
        Candidate(
          .host, over: .tcpPassive, at: SocketAddress(ip, port: port),
          priority: Candidate.priority(.host, .tcpPassive, localPreference: UInt16.max - UInt16(place)),
          foundation: "t\(port)x\(place)"))
    }
  }

  /// Somebody is asked for a candidate: the list is not complete before there is an answer.
  public mutating func questionBegan() { openQuestions += 1 }

  /// A question has been answered, or will not be.
  public mutating func questionEnded() {
    openQuestions -= 1
    completeIfDone()
  }

  /// A gateway has given a port of this machine an outside one.
  public mutating func portMapped(
    _ outside: SocketAddress, _ transport: TransportProtocol, localPort: UInt16
  ) {
    portUnmapped(transport, localPort: localPort, family: outside.ip.family)
    mappings.append((outside, transport, localPort))
    tellMapping(outside, transport, localPort)
  }

  /// What a gateway had given is gone.
  public mutating func portUnmapped(
    _ transport: TransportProtocol, localPort: UInt16, family: IPAddress.Family
  ) {
    mappings.removeAll {
      $0.transport == transport && $0.localPort == localPort && $0.outside.ip.family == family
    }
  }

  mutating func tellMapping(_ outside: SocketAddress, _ transport: TransportProtocol, _ localPort: UInt16) {
    let base = liveBases.first {
      bases[$0].channel.isSocket && bases[$0].local.port == localPort
        && bases[$0].local.ip.family == outside.ip.family
    }
    if transport == .udp, let base { ice.addMapped(outside, of: ICEBaseID(base)) }
    let carrier: Candidate.Transport = transport == .udp ? .udp : .tcpPassive
    tell(
      Candidate(
        .serverReflexive, over: carrier, at: outside, relatedTo: base.map { bases[$0].local },
        // What others see by themselves comes first: a mapping may end with a gateway's whim.
        priority: Candidate.priority(
          .serverReflexive, carrier, localPreference: PunchLimits.mappedPreference),
        foundation: "m\(localPort)"))
  }

  /// A STUN server has seen the port of `local` at `mapped`.
  public mutating func tcpPortSeen(at mapped: SocketAddress, local: SocketAddress) {
    guard mapped != local else { return }
    tell(
      Candidate(
        .serverReflexive, over: .tcpSimultaneousOpen, at: mapped, relatedTo: local,
        priority: Candidate.priority(.serverReflexive, .tcpSimultaneousOpen, localPreference: .max),
        foundation: "u\(listeners.count)"))
  }

  /// Whether a connection is still looked for, so that the mappings that others were told of must live.
  public var wantsConnection: Bool { !ice.openPaths.contains { $0.transport.isTCP } }

  /// Dials a candidate of the other side's, if it is one that can be dialled.
  mutating func dial(_ candidate: Candidate, at now: Instant) {
    let remote = candidate.address
    guard candidate.transport == .tcpPassive || candidate.transport == .tcpSimultaneousOpen,
      listeners.contains(where: { $0.family == remote.ip.family }), dials.count < PunchLimits.dials,
      !dials.contains(where: { $0.remote == remote })
    else { return }
    dials.append(Dial(remote: remote, began: now, state: .waiting(until: now)))
    handleDials(at: now)
  }

  mutating func handleDials(at now: Instant) {
    guard !dials.isEmpty else { return }
    let hasConnection = ice.openPaths.contains { $0.transport.isTCP }
    for place in dials.indices {
      if hasConnection { dials[place].state = .ended }
      switch dials[place].state {
      case .waiting(let until) where until <= now:
        // A SYN is a packet like any other: not to anyone whom nobody attests.
        guard dials[place].began.duration(to: now) < PunchLimits.dialling,
          permit.spend(PunchLimits.dialBytes, on: dials[place].remote.ip)
        else {
          dials[place].state = .ended
          continue
        }
        dials[place].state = .dialling(until: now.advanced(by: dials[place].patience))
        dials[place].patience = min(dials[place].patience * 2, PunchLimits.longestDialPatience)
        dueDials.append(firstDial + place)
      case .dialling(let until) where until <= now:
        dialFailed(firstDial + place, at: now)
      case .waiting, .dialling, .ended: break
      }
    }
  }

  /// The next address to dial.
  public mutating func pollDial() -> DialRequest? {
    guard !dueDials.isEmpty else { return nil }
    let number = dueDials.removeFirst()
    guard dials.indices.contains(number - firstDial) else { return nil }
    let remote = dials[number - firstDial].remote
    guard let port = listeners.first(where: { $0.family == remote.ip.family })?.port else { return nil }
    return DialRequest(number: number, local: .any(remote.ip.family, port: port), remote: remote)
  }

  /// Whether a dial is still wanted: not when it has taken too long, or there is a connection already.
  public func wants(dial number: Int) -> Bool {
    let place = number - firstDial
    guard dials.indices.contains(place), case .dialling = dials[place].state else { return false }
    return true
  }

  /// A dial was refused, or nobody answered.
  public mutating func dialFailed(_ number: Int, at now: Instant) {
    guard wants(dial: number) else { return }
    let place = number - firstDial
    dials[place].state = .waiting(until: now.advanced(by: dials[place].wait))
    dials[place].wait = min(dials[place].wait * 2, PunchLimits.longestRedial)
  }

  /// A connection has opened, whoever dialled: now its other end must prove to be the peer.
  public mutating func connected(
    _ connection: Int, local: SocketAddress, remote: SocketAddress, dial: Int?, at now: Instant
  ) {
    // Anyone may connect: who says nothing that is signed leaves no trace.
    guard dial != nil || dials.contains(where: { $0.remote == remote }) else {
      strangers.append((connection, local, remote))
      return
    }
    for place in dials.indices where firstDial + place == dial || dials[place].remote == remote {
      dials[place].state = .ended
    }
    addBase(connection, local, remote, isOurs: dial != nil, at: now)
  }

  /// Takes a connection of somebody who has signed what came over it.
  mutating func adopt(_ channel: Channel, _ check: borrowing STUNMessage, at now: Instant) {
    guard let place = strangers.firstIndex(where: { .connection($0.connection) == channel }),
      ice.isSigned(check)
    else { return }
    let stranger = strangers.remove(at: place)
    addBase(stranger.connection, stranger.local, stranger.remote, isOurs: false, at: now)
  }

  private mutating func addBase(
    _ connection: Int, _ local: SocketAddress, _ remote: SocketAddress, isOurs: Bool, at now: Instant
  ) {
    bases.append(Base(channel: .connection(connection), local: local))
    let preference = nextPreference
    _ = ice.addBase(
      .init(
        Candidate(
          .host, over: isOurs ? .tcpActive : .tcpPassive, at: local,
          priority: Candidate.priority(.host, .tcpActive, localPreference: preference),
          foundation: "c\(bases.count)"),
        connectedTo: remote, localPreference: preference), at: now)
  }

  /// A connection has ended. Where it led to is dialled once more, unless another has proven itself.
  public mutating func disconnected(_ connection: Int, at now: Instant) {
    strangers.removeAll { $0.connection == connection }
    for base in bases.indices where bases[base].channel == .connection(connection) {
      let remote = ice.bases[base].connectedTo
      for place in dials.indices where dials[place].remote == remote && dials[place].deadline == nil {
        dials[place].state = .waiting(until: now.advanced(by: dials[place].wait))
      }
      ice.removeBase(ICEBaseID(base), at: now)
    }
  }

  /// Whether both sides use a connection: the last check has passed over it.
  public func isSelected(_ connection: Int) -> Bool {
    ice.agreed.map { bases[$0.base.index].channel == .connection(connection) } ?? false
  }

  /// Whether the other end of a connection has proven to be the peer.
  public func isProven(_ connection: Int) -> Bool {
    ice.openPaths.contains { bases[$0.base.index].channel == .connection(connection) }
  }
}

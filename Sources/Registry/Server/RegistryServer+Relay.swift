import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenRelay
import WarrenSTUN

// The registry's ports are a relay's as well (RFC 9443), for those whom it knows.
extension RegistryServer {
  /// What the relay has done; nil where there is none.
  public var relayCounters: RelayCounters? { switchboard?.counters }

  /// How many peers have an address of the relay's.
  public var relayAllocationCount: Int { switchboard?.allocationCount ?? 0 }

  /// Others besides its own peers may use the relay from now on: see ``RelayServer/use(_:)``.
  public func useForRelay(_ credentials: RelayCredentials) { switchboard?.use(withOwnSecret(credentials)) }

  /// So much the relay may do from now on: see ``RelayServer/limit(allocations:totalBandwidth:)``.
  public func limitRelay(allocations: Int, totalBandwidth: Int?) {
    switchboard?.limit(allocations: allocations, totalBandwidth: totalBandwidth)
  }

  /// With what peers are told the relay is used, in any case.
  private func withOwnSecret(_ credentials: RelayCredentials) -> RelayCredentials {
    var credentials = credentials
    credentials.sharedSecrets.insert(relaySecret, at: 0)
    return credentials
  }

  /// Relays at these sockets, if that is wanted.
  func makeSwitchboard(at sockets: [any UDPSocket]) -> RelaySwitchboard? {
    guard var relay = configuration.relay else { return nil }
    relay.credentials = withOwnSecret(relay.credentials)
    // QUIC is heard at the same port.
    relay.takesOldChannels = false
    return RelaySwitchboard(on: machine, relay, at: sockets)
  }

  /// Tells a peer with what it can be relayed, unless what it was told is good for long enough.
  func grantRelay(to session: RegistrySession) {
    let lifetime = configuration.relayGrantLifetime
    // What the relay goes by is the time of day, which may be set.
    let (now, timeOfDay) = (machine.now, machine.timeSince1970)
    let isDue = session.grantDue.map { $0.at <= now || $0.until - timeOfDay < lifetime / 4 } ?? true
    guard let switchboard, isDue else { return }
    let until = timeOfDay + lifetime
    session.grantDue = (now.advanced(by: lifetime / 2), until)
    let (username, password) = RelayCredentials.timeLimited(
      user: session.peer.description, until: until, secret: relaySecret)
    session.say(
      .relay(
        RelayGrant(
          transports: RelayGrant.order, username: username, password: password, lifetime: lifetime,
          challenge: switchboard.challenge(for: session.observed.ip))))
  }

  /// Hands on what comes to the registry's ports and is not QUIC's.
  func receiveOthers(through endpoint: QUICEndpoint) async {
    let (attestor, machine) = (attestor, machine)
    nonisolated(unsafe) let stun = sockets.map { socket in
      STUNResponder(socket) { attestor.proof(of: $0, at: machine.now) }
    }
    guard let switchboard else {
      return await endpoint.receiveOthers { datagram, number in stun[number].answer(datagram) }
    }
    await endpoint.receiveOthers(
      { datagram, number in
        let bytes = datagram.payload
        let method = STUNMessage.method(of: bytes)
        let isChannel = bytes.byteCount > 0 && ChannelData.mayBegin(bytes.unsafeLoad(as: UInt8.self))
        if isChannel || (method != nil && method != .binding) {
          switchboard.take(datagram, at: number)
        } else {
          stun[number].answer(datagram)
        }
      },
      claiming: { datagram, number in
        switchboard.isClient(datagram.source, at: number, localIP: datagram.localIP)
      },
      atEnd: { switchboard.flush() })
  }
}

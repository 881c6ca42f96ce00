import WarrenMachine
import WarrenRelay
import WarrenTLS

// Those who come over TCP: peers over TLS, and clients of the relay, over TLS or without.
extension RegistryServer {
  /// Whether TCP's first byte is of a TLS record with a handshake (RFC 8446, 5.1).
  private static let tlsHandshake: UInt8 = 0x16

  /// Somebody who has said enough to be told apart.
  private enum Guest {
    case peer(TLSLink, words: [UInt8])
    case client(TLSConnection)
  }

  /// How a caller's TLS is to be.
  private struct Security {
    var identity: TLSIdentity
    var settings: TLSConfiguration
  }

  func serve(_ listener: any TCPListener) throws {
    nonisolated(unsafe) let listener = listener
    var settings = TLSConfiguration(protocols: [RegistryMessage.protocolName])
    if switchboard != nil { settings.protocols.append(RelayServer.protocolName) }
    settings.handshakeTimeout = RegistryLimits.answerPatience
    settings.keyLog = configuration.keyLog
    let (security, machine) = (Security(identity: try TLSIdentity(key), settings: settings), machine)
    let isRelay = switchboard != nil
    machine.spawn("the registry's TLS") { [weak self] in
      await listener.acceptEach { tcp in
        nonisolated(unsafe) let tcp = tcp
        machine.spawn("a peer at the registry over TLS") { [weak self] in
          let source = tcp.remoteAddress.ip.subscriber
          guard let self, await self.meet(source) else { return tcp.reset() }
          let arrival = machine.now
          let first = isRelay ? await Self.firstByte(of: tcp) : []
          guard let first else {
            tcp.reset()
            return await self.met(source)
          }
          // Methods of STUN have numbers below 0x100.
          if let byte = first.first, byte < 2 { return await self.relay(tcp, after: first, since: arrival) }
          let guest = try? await Self.listen(to: tcp, security, after: first)
          if case .client(let tls) = guest {
            return await self.relay(tls, at: tcp.remoteAddress, since: arrival)
          }
          await self.met(source)
          if case .peer(let link, let words) = guest { await self.serve(link, from: source, first: words) }
        }
      }
    }
  }

  /// What tells TLS from TURN; nil where nothing comes.
  private static func firstByte(of tcp: any TCPConnection) async -> [UInt8]? {
    nonisolated(unsafe) let tcp = tcp
    let read = try? await tcp.machine.withDeadline(RegistryLimits.answerPatience) {
      try await tcp.read(atMost: 1)
    }
    return read ?? nil
  }

  /// Who calls over TLS, once a peer has said something: as a client that is faster over QUIC does not.
  private static func listen(
    to tcp: any TCPConnection, _ security: Security, after first: [UInt8]
  ) async throws -> Guest? {
    let connection = try await TLSConnection.accept(
      over: tcp, security.identity, security.settings, after: first)
    if connection.protocolName == RelayServer.protocolName { return .client(connection) }
    let words = try? await connection.machine.withDeadline(RegistryLimits.answerPatience) {
      try await connection.read()
    }
    guard let words = words ?? nil, let link = TLSLink(connection, to: tcp.remoteAddress) else {
      await connection.close()
      return nil
    }
    return .peer(link, words: words)
  }

  // MARK: Clients of the relay

  private func relay(_ tcp: any TCPConnection, after first: [UInt8], since arrival: Instant) async {
    let source = tcp.remoteAddress.ip.subscriber
    nonisolated(unsafe) let tcp = tcp
    await relay(from: source, since: arrival) { await $0.serve(tcp, after: first, on: $1) }
  }

  private func relay(_ tls: TLSConnection, at remote: SocketAddress, since arrival: Instant) async {
    await relay(from: remote.ip.subscriber, since: arrival) { await $0.serve(tls, from: remote, on: $1) }
  }

  /// A client is a stranger until it has an allocation, which takes a password; and is not for long.
  private func relay(
    from source: IPAddress, since arrival: Instant,
    _ serve: (RelaySwitchboard, RelayTrial) async -> Void
  ) async {
    guard let switchboard else { return met(source) }
    let isStranger = Flag()
    let trial = RelayTrial(until: arrival.advanced(by: RegistryLimits.answerPatience)) { [weak self] in
      guard isStranger.take() else { return }
      self?.assumeIsolated { $0.met(source) }
    }
    await serve(switchboard, trial)
    if isStranger.take() { met(source) }
  }

  // MARK: Strangers

  /// - Returns: whether there is room for another stranger.
  private func meet(_ source: IPAddress) -> Bool {
    guard strangers < RegistryLimits.strangers, !isStopped,
      strangersAt[source] ?? 0 < RegistryLimits.strangersOfAddress
    else {
      count { $0.turnedAway += 1 }
      return false
    }
    strangers += 1
    strangersAt[source, default: 0] += 1
    return true
  }

  private func met(_ source: IPAddress) {
    strangers -= 1
    strangersAt.takeOne(source)
  }
}

/// What is true once. Used on the machine's executor alone: hence `@unchecked`.
private final class Flag: @unchecked Sendable {
  private var isSet = true

  func take() -> Bool {
    defer { isSet = false }
    return isSet
  }
}

import WarrenCrypto
import WarrenMachine
import WarrenTLS

/// Finds a relay that gives an address.
///
/// ```swift
/// let socket = try await RelayClient.allocate(at: [relay, anotherRelay], on: machine)
/// // Whoever sends to `socket.localAddress`, and is let in, reaches `socket`.
/// ```
public enum RelayClient {
  /// Asks these relays, each a little after the one before, and takes the first that gives an address; what others give
  /// meanwhile they get back.
  ///
  /// - Parameters:
  ///   - terms: what is asked for.
  ///   - identity: with what this side shows itself over TLS; nil for a key that is made for it alone, and for nothing at all
  ///     where a certificate says whose the server is.
  /// - Throws: a ``RelayError``, the most telling where there are several.
  public static func allocate(
    at servers: [RelayServerAddress], on machine: any Machine, _ terms: AllocationTerms = AllocationTerms(),
    identity: TLSIdentity? = nil
  ) async throws -> RelayedSocket {
    try await find(at: servers, on: machine, terms, identity)
  }

  /// Asks these relays for an address at which TCP is heard, and from which one can connect (RFC 6062), as
  /// ``allocate(at:on:_:identity:)`` does for datagrams. Where UDP is named, TCP at the same port is meant.
  ///
  /// - Throws: a ``RelayError``, the most telling where there are several.
  public static func listen(
    at servers: [RelayServerAddress], on machine: any Machine, _ terms: AllocationTerms = AllocationTerms(),
    identity: TLSIdentity? = nil
  ) async throws -> RelayedListener {
    var terms = terms
    terms.transport = .tcp
    let servers = servers.map { server in
      var server = server
      if server.transport == .udp { server.transport = .tcp }
      return server
    }
    return try await find(at: servers, on: machine, terms, identity)
  }

  private static func find<Address: RelayedAddress>(
    at servers: [RelayServerAddress], on machine: any Machine, _ terms: AllocationTerms,
    _ identity: TLSIdentity?
  ) async throws -> Address {
    guard !servers.isEmpty else { throw RelayError(.noServers) }
    if !machine.isOnExecutor {
      return try await machine.run("relays") { try await find(at: servers, on: machine, terms, identity) }
    }
    let race = RelayRace<Address>(on: machine, of: servers.count) { place in
      try await find(at: servers[place], on: machine, terms, identity)
    } discard: {
      $0.close()
    }
    return try await race.run()
  }

  private static func find<Address: RelayedAddress>(
    at server: RelayServerAddress, on machine: any Machine, _ terms: AllocationTerms, _ identity: TLSIdentity?
  ) async throws -> Address {
    let found = try await machine.resolve(server.host)
    // One of each family in turn, as the resolver prefers them: a family that does not work costs one stagger.
    let addresses = found.inTurn.map { SocketAddress($0, port: server.port) }
    guard !addresses.isEmpty else { throw RelayError(.network(.nameNotFound(server.host))) }
    let race = RelayRace<Address>(on: machine, of: addresses.count) { place in
      var attempt = RelayAttempt<Address>(server: server, terms: terms, identity: identity, machine: machine)
      return try await attempt.run(at: addresses[place])
    } discard: {
      $0.close()
    }
    return try await race.run()
  }
}

/// One server's address, and where it sends one.
struct RelayAttempt<Address: RelayedAddress> {
  let server: RelayServerAddress
  let terms: AllocationTerms
  let identity: TLSIdentity?
  let machine: any Machine
  private var visited: [SocketAddress] = []
  private var fiveTuples = 0
  private var challenge: RelayChallenge?

  init(server: RelayServerAddress, terms: AllocationTerms, identity: TLSIdentity?, machine: any Machine) {
    self.server = server
    self.terms = terms
    self.identity = identity
    self.machine = machine
    challenge = server.challenge
  }

  mutating func run(at first: SocketAddress) async throws -> Address {
    var (address, server) = (first, server)
    visited = [first]
    while true {
      let found = try await ask(address, server)
      let outcome: RelayOutcome
      do { outcome = try await found.allocated() } catch {
        found.close()
        throw error
      }
      switch outcome {
      case .allocated: return found
      case .redirected(let next, let domain):
        found.close()
        // From one to another and back again is a circle (RFC 8489, 10).
        guard !visited.contains(next), visited.count <= RelayClientLimits.redirections else {
          throw RelayError(.redirectedTooOften)
        }
        visited.append(next)
        address = next
        if let domain { (server.host, server.certificateName) = (domain, nil) }
        // Its nonces are its own.
        (challenge, fiveTuples) = (nil, 0)
      case .failed(let error):
        challenge = found.challenge
        found.close()
        fiveTuples += 1
        // Another port may be free of whoever had this one (RFC 8656, 7.4).
        guard error.code == .mismatch, fiveTuples < RelayClientLimits.fiveTuples else { throw error }
      }
    }
  }

  private func ask(_ address: SocketAddress, _ server: RelayServerAddress) async throws -> Address {
    let core = try AllocationCore(
      terms, username: server.username, password: server.password, challenge: challenge,
      isReliable: server.transport != .udp, random: machine.random)
    let security = server.transport == .tls ? try RelaySecurity(server, identity, on: machine) : nil
    let carrier: any RelayCarrier =
      if server.transport == .udp {
        DatagramCarrier(try machine.bindUDP(to: .any(address.ip.family)), to: address)
      } else {
        try await StreamCarrier.open(to: address, on: machine, security)
      }
    return Address(core, over: carrier, security, at: server, on: machine)
  }
}

extension [IPAddress] {
  /// The first of each family, then the second of each, and so on.
  fileprivate var inTurn: [IPAddress] {
    guard let first else { return [] }
    let (same, other) = (filter { $0.family == first.family }, filter { $0.family != first.family })
    return (0..<Swift.max(same.count, other.count)).flatMap { place in
      [same, other].compactMap { place < $0.count ? $0[place] : nil }
    }
  }
}

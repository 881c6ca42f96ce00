import Warren

@testable import WarrenRelay

/// A relay that answers as it is told: what a client's tests are held against. It is no model for one that is of use.
struct ScriptedRelayCore {
  /// What it is told.
  struct Script: Sendable {
    var username = "alice"
    var password = "open sesame"
    var realm = "test"
    var wantsPassword = true
    /// What it offers for PASSWORD-ALGORITHMS; nil for a server that is older.
    var algorithms: [UInt8]?
    /// What stands in front of its nonces.
    var noncePrefix = "nonce-"
    /// Requests that a nonce is good for.
    var nonceUses = Int.max
    /// What it refuses, in this order, before it says yes.
    var refusals: [STUNMethod: [STUNErrorCode]] = [:]
    /// Peers that it does not let in.
    var forbidden: [IPAddress] = []
    /// Whether it says what a connection is called.
    var namesConnections = true
    /// What it has no answer for, as long as this is so.
    var ignores: [STUNMethod] = []
    /// Where it sends whoever asks for an allocation.
    var alternate: SocketAddress?
    var lifetime: UInt32 = 600
    var hasMobility = false
    var signs = true
    var isSilent = false
    /// Whether it answers what comes twice as it did before (RFC 8489, 6.3.1).
    var remembers = true
    var families: [IPAddress.Family] = [.v4, .v6]
    /// Changes an answer before it leaves.
    var tamper: (@Sendable ([UInt8]) -> [UInt8])?
  }

  struct Allocation {
    var relayed: [SocketAddress]
    var ticket: [UInt8]
    var expiresAt: Instant
    var permissions: [IPAddress: Instant] = [:]
    var channels: [UInt16: SocketAddress] = [:]
    var channelEnds: [UInt16: Instant] = [:]
  }

  var script: Script
  /// By client.
  var allocations: [SocketAddress: Allocation] = [:]
  /// How many were ever made.
  var allocationCount = 0
  /// Connections that it says it has made.
  private var connects = 0
  /// What it was asked, and had not been before.
  var asked: [STUNMethod] = []
  /// The attributes of the last request of each kind.
  var attributes: [STUNMethod: [UInt16]] = [:]
  /// What it has told of, by the asker: a request that comes twice is answered the same (RFC 8489, 6.3.1).
  private var answers: [TransactionID: [UInt8]] = [:]
  private var nonceNumber = 0
  private var nonceUsed = 0

  init(_ script: Script = Script()) { self.script = script }

  private var nonce: [UInt8] { Array("\(script.noncePrefix)\(nonceNumber)".utf8) }

  private var key: STUNKey {
    STUNKey(
      username: script.username, realm: script.realm, password: script.password,
      algorithm: script.algorithms == nil ? .md5 : .sha256)
  }

  /// The answer to a request; nil where there is none.
  ///
  /// - Parameter relayed: makes a relayed address.
  mutating func answer(
    _ bytes: RawSpan, from client: SocketAddress, at now: Instant,
    relayed: (IPAddress.Family) -> SocketAddress?
  ) -> [UInt8]? {
    guard !script.isSilent, let message = try? STUNMessage(bytes), message.messageClass == .request else {
      return nil
    }
    if script.remembers, let before = answers[message.transactionID] { return before }
    asked.append(message.method)
    if script.ignores.contains(message.method) { return nil }
    var names: [UInt16] = []
    message.forEachAttribute { attribute, _ in
      names.append(attribute.rawValue)
      return true
    }
    attributes[message.method] = names
    for (client, allocation) in allocations where allocation.expiresAt <= now { allocations[client] = nil }
    var writer = STUNMessageWriter()
    if let refusal = challenge(message, &writer) {
      // A challenge is not remembered: it is none of the request's doing.
      return script.tamper?(refusal) ?? refusal
    }
    perform(message, from: client, at: now, relayed, &writer)
    if script.signs, script.wantsPassword {
      writer.sign(with: key, script.algorithms == nil ? .sha1 : .sha256)
    }
    writer.addFingerprint()
    let answer = script.tamper?(writer.copy) ?? writer.copy
    answers[message.transactionID] = answer
    return answer
  }

  private mutating func challenge(_ message: STUNMessage, _ writer: inout STUNMessageWriter) -> [UInt8]? {
    guard script.wantsPassword else { return nil }
    let isNamed =
      message.text(.username) == script.username
      || message.value(
        of: .userhash, equals: userhash(username: script.username, realm: script.realm).span.bytes)
    let isRight = isNamed && message.isSigned(with: key)
    let current = nonce
    let isFresh = message.value(of: .nonce, equals: current.span.bytes) && nonceUsed < script.nonceUses
    if isRight, isFresh {
      nonceUsed += 1
      return nil
    }
    if isRight { (nonceNumber, nonceUsed) = (nonceNumber + 1, 0) }
    writer.beginAnswer(.failure, to: message)
    writer.add(isRight ? .staleNonce : .unauthenticated)
    writer.add(.realm, script.realm)
    let next = nonce
    writer.add(.nonce, next.span.bytes)
    if let algorithms = script.algorithms { writer.add(.passwordAlgorithms, algorithms.span.bytes) }
    return writer.copy
  }

  private mutating func perform(
    _ message: STUNMessage, from client: SocketAddress, at now: Instant,
    _ relayed: (IPAddress.Family) -> SocketAddress?, _ writer: inout STUNMessageWriter
  ) {
    if let code = script.refusals[message.method]?.first {
      script.refusals[message.method]?.removeFirst()
      return refuse(message, code, &writer)
    }
    switch message.method {
    case .allocate: allocate(message, from: client, at: now, relayed, &writer)
    case .refresh: refresh(message, from: client, at: now, &writer)
    case .connect:
      connects += 1
      writer.beginAnswer(.success, to: message)
      if script.namesConnections { writer.add(.connectionID, UInt32(connects)) }
    case .createPermission, .channelBind: permit(message, from: client, at: now, &writer)
    default: refuse(message, .badRequest, &writer)
    }
  }

  private func refuse(_ message: STUNMessage, _ code: STUNErrorCode, _ writer: inout STUNMessageWriter) {
    writer.beginAnswer(.failure, to: message)
    writer.add(code)
    if code == .tryAlternate, let alternate = script.alternate {
      writer.add(.alternateServer, plain: alternate)
    }
    if code == .unknownAttribute {
      writer.addUnknownAttributes(of: message) { $0 != .requestedAddressFamily }
    }
  }

  private mutating func allocate(
    _ message: STUNMessage, from client: SocketAddress, at now: Instant,
    _ relayed: (IPAddress.Family) -> SocketAddress?, _ writer: inout STUNMessageWriter
  ) {
    if script.alternate != nil { return refuse(message, .tryAlternate, &writer) }
    if allocations[client] != nil { return refuse(message, .allocationMismatch, &writer) }
    var wanted: [IPAddress.Family] = [message.number(.requestedAddressFamily) == 2 << 24 ? .v6 : .v4]
    if message.has(.additionalAddressFamily) { wanted.append(.v6) }
    let addresses = wanted.filter { script.families.contains($0) }.compactMap(relayed)
    guard !addresses.isEmpty else { return refuse(message, .addressFamilyNotSupported, &writer) }
    allocationCount += 1
    let ticket = Array("ticket-\(allocationCount)".utf8)
    allocations[client] = Allocation(
      relayed: addresses, ticket: ticket, expiresAt: now.advanced(by: .seconds(Int64(script.lifetime))))
    writer.beginAnswer(.success, to: message)
    for address in addresses { writer.add(.xorRelayedAddress, masked: address) }
    writer.add(.xorMappedAddress, masked: client)
    writer.add(.lifetime, script.lifetime)
    if script.hasMobility, message.has(.mobilityTicket) { writer.add(.mobilityTicket, ticket.span.bytes) }
  }

  private mutating func refresh(
    _ message: STUNMessage, from client: SocketAddress, at now: Instant, _ writer: inout STUNMessageWriter
  ) {
    if let ticket = message.value(of: .mobilityTicket)?.withUnsafeBytes({ Array($0) }),
      let old = allocations.first(where: { $0.value.ticket == ticket })
    {
      allocations[old.key] = nil
      allocations[client] = old.value
    }
    guard allocations[client] != nil else { return refuse(message, .allocationMismatch, &writer) }
    writer.beginAnswer(.success, to: message)
    if message.number(.lifetime) == 0 {
      allocations[client] = nil
      writer.add(.lifetime, UInt32(0))
    } else {
      allocations[client]?.expiresAt = now.advanced(by: .seconds(Int64(script.lifetime)))
      writer.add(.lifetime, script.lifetime)
      let ticket = Array("ticket-\(asked.count)-new".utf8)
      if message.has(.mobilityTicket) {
        allocations[client]?.ticket = ticket
        writer.add(.mobilityTicket, ticket.span.bytes)
      }
    }
  }

  private mutating func permit(
    _ message: STUNMessage, from client: SocketAddress, at now: Instant, _ writer: inout STUNMessageWriter
  ) {
    guard allocations[client] != nil else { return refuse(message, .allocationMismatch, &writer) }
    var peers: [SocketAddress] = []
    message.forEachAttribute { attribute, value in
      if attribute == .xorPeerAddress, let peer = message.address(in: value, isMasked: true) {
        peers.append(peer)
      }
      return true
    }
    if peers.contains(where: { script.forbidden.contains($0.ip) }) {
      return refuse(message, .forbidden, &writer)
    }
    for peer in peers { allocations[client]?.permissions[peer.ip] = now.advanced(by: .seconds(300)) }
    if message.method == .channelBind, let number = message.number(.channelNumber), let peer = peers.first {
      let channel = UInt16(number >> 16)
      for (other, end) in allocations[client]?.channelEnds ?? [:] where end <= now {
        allocations[client]?.channels[other] = nil
        allocations[client]?.channelEnds[other] = nil
      }
      let before = allocations[client]?.channels[channel]
      let isOther = allocations[client]?.channels.contains { $0.value == peer && $0.key != channel } ?? false
      guard before == nil || before == peer, !isOther else { return refuse(message, .badRequest, &writer) }
      allocations[client]?.channels[channel] = peer
      allocations[client]?.channelEnds[channel] = now.advanced(by: .seconds(600))
    }
    writer.beginAnswer(.success, to: message)
  }
}

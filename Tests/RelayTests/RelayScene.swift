import TestSupport
import Testing
import Warren

@testable import WarrenRelay
@testable import WarrenSTUN

extension STUNMessageWriter {
  mutating func put(_ attribute: STUNAttribute, _ number: Int) { add(attribute, UInt32(number)) }
  mutating func put(_ attribute: STUNAttribute, long: UInt64) { add(attribute, long) }
  mutating func put(_ attribute: STUNAttribute, bytes: [UInt8]) { add(attribute, bytes.span.bytes) }
}

/// A server's core with ports that are only numbers, and clients that say to it what they like.
final class RelayScene {
  static let server = SocketAddress(IPAddress(192, 0, 2, 1), port: 3478)
  static let relayIP = IPAddress(192, 0, 2, 1)
  static let relayIPv6 = IPAddress(v6: 0x2600_0001 << 32, 1)
  static let peer = SocketAddress(IPAddress(8, 8, 8, 8), port: 99)
  static let peerV6 = SocketAddress(IPAddress(v6: 0x2600_0002 << 32, 9), port: 99)

  /// Somebody with a name and a password.
  struct User {
    var name = "alice"
    var password = "secret"
    var algorithm: STUNPasswordAlgorithm?
    var function = HashFunction.sha1
  }

  var core: RelayServerCore
  var now = Instant(nanoseconds: 1_000_000_000_000)
  var timeOfDay = Duration.seconds(1_800_000_000)
  /// Ports that are open, and where.
  private(set) var open: [RelayPortNumber: SocketAddress] = [:]
  private(set) var kept: [UInt64: SocketAddress] = [:]
  /// Connections with peers that the core has not closed, and whom it has hung up on with one.
  var streams: Set<RelayStreamNumber> = []
  var hungUpOn: [ServedClient] = []
  /// Answers that had to wait, and to which it was no.
  var told: [[UInt8]] = []
  var hasPorts = true
  private var nextPort: UInt16 = 50_000
  private var transactions: UInt64 = 0

  static func configuration() -> RelayConfiguration {
    var configuration = RelayConfiguration(
      RelayCredentials(
        users: ["alice": "secret", "bob": "hidden"], sharedSecrets: ["new secret", "old secret"]),
      at: RelayAddress(relayIP), RelayAddress(relayIPv6))
    configuration.permits = [IPPrefix(IPAddress(10, 9, 0, 0), length: 16)]
    return configuration
  }

  init(_ change: (inout RelayConfiguration) -> Void = { _ in }) {
    var configuration = Self.configuration()
    change(&configuration)
    core = RelayServerCore(
      configuration, listening: [Self.server], own: [Self.relayIP, IPAddress(192, 168, 7, 1)],
      secret: Array("nobody knows".utf8), at: now)
  }

  static func client(_ number: Int = 1, port: UInt16 = 4000) -> ServedClient {
    ServedClient(SocketAddress(IPAddress(v4: 0x0B00_0000 + UInt32(number)), port: port), at: 0)
  }

  // MARK: Talking

  /// What the server answers.
  struct Answer {
    var bytes: [UInt8]
    var messageClass: STUNClass
    var error: STUNErrorCode?
    var reason: String
    var integrity: STUNMessage.Integrity

    init(_ bytes: [UInt8]) throws {
      self.bytes = bytes
      let message = try STUNMessage(bytes.span.bytes)
      messageClass = message.messageClass
      error = message.errorCode
      integrity = message.integrity
      if let value = message.value(of: .errorCode) {
        reason = value.withUnsafeBytes { String(decoding: $0.dropFirst(4), as: UTF8.self) }
      } else {
        reason = ""
      }
    }

    func value(_ attribute: STUNAttribute) throws -> [UInt8]? {
      let message = try STUNMessage(bytes.span.bytes)
      guard let value = message.value(of: attribute) else { return nil }
      return value.withUnsafeBytes { Array($0) }
    }

    func values(_ attribute: STUNAttribute) throws -> [SocketAddress] {
      let message = try STUNMessage(bytes.span.bytes)
      var found: [SocketAddress] = []
      message.forEachAttribute { name, value in
        if name == attribute, let address = message.address(in: value, isMasked: true) {
          found.append(address)
        }
        return true
      }
      return found
    }

    func number(_ attribute: STUNAttribute) throws -> UInt32? {
      let message = try STUNMessage(bytes.span.bytes)
      return message.number(attribute)
    }

    func isSigned(with key: STUNKey) throws -> Bool {
      let message = try STUNMessage(bytes.span.bytes)
      return message.isSigned(with: key)
    }
  }

  var reaction = RelayServerCore.Reaction.none

  /// Says some bytes, and returns the answer if there is one.
  func say(_ bytes: [UInt8], from client: ServedClient) throws -> Answer? {
    var answer = STUNMessageWriter()
    reaction = core.receive(
      bytes.span.bytes, from: client, at: now, timeOfDay: timeOfDay, into: &answer,
      opening: { [self] in open($0) })
    tidyUp()
    switch reaction {
    case .none, .relay: return nil
    case .dial(let dial):
      streams.insert(dial.number)
      return nil
    case .answer, .join: return try Answer(answer.copy)
    }
  }

  private func open(_ wish: RelayWish) -> SocketAddress? {
    guard hasPorts else { return nil }
    #expect(open[wish.port] == nil, "a port was opened twice")
    if case .kept(let token) = wish.parity {
      open[wish.port] = kept.removeValue(forKey: token)
    } else {
      nextPort += 1
      if wish.parity != .any, nextPort % 2 == 1 { nextPort += 1 }
      open[wish.port] = SocketAddress(wish.ip, port: nextPort)
      if case .evenBefore(let token) = wish.parity {
        nextPort += 1
        kept[token] = SocketAddress(wish.ip, port: nextPort)
      }
    }
    return open[wish.port]
  }

  func tidyUp() {
    while let closing = core.pollClosing() {
      switch closing {
      case .port(let port): #expect(open.removeValue(forKey: port) != nil, "a port was closed twice")
      case .kept(let token): kept[token] = nil
      case .stream(let number, let client):
        #expect(streams.remove(number) != nil, "a connection was closed twice")
        if let client { hungUpOn.append(client) }
      }
    }
  }

  func pass(_ duration: Duration) {
    now = now.advanced(by: duration)
    timeOfDay += duration
    core.handleDeadline(at: now)
    giveUpOverdue()
    tidyUp()
  }

  func hangUp(_ client: ServedClient) {
    core.hungUp(client)
    tidyUp()
  }

  // MARK: Signed requests

  static func key(_ user: User, realm: String = "warren") -> STUNKey {
    STUNKey(
      username: user.name, realm: realm, password: user.password, algorithm: user.algorithm ?? .md5)
  }

  private var nonces: [ServedClient: [UInt8]] = [:]

  /// A nonce that is good for a client.
  func nonce(of client: ServedClient) throws -> [UInt8] {
    if let nonce = nonces[client] { return nonce }
    let answer = try #require(try say(request(.allocate), from: client))
    #expect(answer.error == .unauthenticated)
    let nonce = try #require(try answer.value(.nonce))
    nonces[client] = nonce
    return nonce
  }

  func forgetNonces() { nonces = [:] }

  func request(
    _ method: STUNMethod, _ messageClass: STUNClass = .request,
    _ fill: (inout STUNMessageWriter) -> Void = { _ in }
  ) -> [UInt8] {
    transactions += 1
    var writer = STUNMessageWriter()
    writer.begin(messageClass, method, TransactionID(7, transactions))
    fill(&writer)
    return writer.copy
  }

  /// A request that is signed.
  func signed(
    _ method: STUNMethod, from client: ServedClient, as user: User = User(), nonce: [UInt8]? = nil,
    realm: String = "warren", _ fill: (inout STUNMessageWriter) -> Void = { _ in }
  ) throws -> [UInt8] {
    let nonce = try nonce ?? self.nonce(of: client)
    return request(method) { writer in
      fill(&writer)
      writer.add(.username, user.name)
      writer.add(.realm, realm)
      writer.add(.nonce, nonce.span.bytes)
      if let algorithm = user.algorithm {
        writer.put(.passwordAlgorithms, long: 0x0002_0000_0001_0000)
        writer.put(.passwordAlgorithm, Int(UInt32(algorithm.rawValue) << 16))
      }
      writer.sign(with: Self.key(user, realm: realm), user.function)
    }
  }

  /// Asks, and expects an answer that is signed as the question was.
  @discardableResult
  func ask(
    _ method: STUNMethod, from client: ServedClient, as user: User = User(),
    _ fill: (inout STUNMessageWriter) -> Void = { _ in }
  ) throws -> Answer {
    let answer = try #require(try say(signed(method, from: client, as: user, fill), from: client))
    if answer.integrity != .none { #expect(try answer.isSigned(with: Self.key(user))) }
    return answer
  }

  /// - Returns: the relayed address.
  @discardableResult
  func allocate(
    _ client: ServedClient, as user: User = User(), _ fill: (inout STUNMessageWriter) -> Void = { _ in }
  ) throws -> SocketAddress {
    let answer = try ask(.allocate, from: client, as: user) {
      $0.put(.requestedTransport, 17 << 24)
      fill(&$0)
    }
    #expect(answer.messageClass == .success, "\(String(describing: answer.error))")
    return try #require(try answer.values(.xorRelayedAddress).first)
  }

  func refusal(
    _ method: STUNMethod, from client: ServedClient, as user: User = User(),
    _ fill: (inout STUNMessageWriter) -> Void = { _ in }
  ) throws -> STUNErrorCode? {
    try ask(method, from: client, as: user, fill).error
  }

  func permit(_ peers: SocketAddress..., from client: ServedClient) throws -> STUNErrorCode? {
    try refusal(.createPermission, from: client) {
      for peer in peers { $0.add(.xorPeerAddress, masked: peer) }
    }
  }

  func bind(
    _ number: UInt16, to peer: SocketAddress, from client: ServedClient
  ) throws -> STUNErrorCode? {
    try refusal(.channelBind, from: client) {
      $0.put(.channelNumber, Int(UInt32(number) << 16))
      $0.add(.xorPeerAddress, masked: peer)
    }
  }

  /// Where a Send indication leads.
  func send(
    _ text: String, to peer: SocketAddress, from client: ServedClient,
    _ fill: (inout STUNMessageWriter) -> Void = { _ in }
  ) throws -> RelayServerCore.Passage? {
    let bytes = request(.send, .indication) {
      $0.add(.xorPeerAddress, masked: peer)
      $0.add(.data, text)
      fill(&$0)
    }
    #expect(try say(bytes, from: client) == nil)
    guard case .relay(let passage, let range) = reaction else { return nil }
    #expect(bytes[range].elementsEqual(text.utf8))
    return passage
  }

  func passage(_ number: UInt16, from client: ServedClient) -> RelayServerCore.Passage? {
    core.slot(of: client).flatMap { core.passage(onChannel: number, of: $0, at: now) }
  }

  func way(from peer: SocketAddress, to client: ServedClient) -> RelayServerCore.Way {
    core.slot(of: client).map { core.way(from: peer, to: $0, at: now) } ?? .none
  }
}

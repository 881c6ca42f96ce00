import WarrenCrypto
import WarrenMachine
import WarrenSTUN

/// Who has signed a request: the long-term credentials of RFC 8489, 9.2.
struct RelayGate {
  /// Somebody who may use the relay.
  struct User {
    var name: String
    var key: STUNKey
    var algorithm: STUNPasswordAlgorithm
    /// What the answer is signed with, as the request was.
    var function: HashFunction
    /// Whether the list has made it one.
    var isListed: Bool
  }

  /// What is to be said to a request.
  enum Verdict {
    case admitted(User)
    case refused(STUNErrorCode)
  }

  let realm: String
  private let realmBytes: [UInt8]
  private var credentials: RelayCredentials
  private let nonces: RelayNonce
  private var cache = RelayKeyCache()

  /// Which ways from password to key there are, the better first (RFC 8489, 14.11).
  static let algorithms: [UInt8] = [0, 2, 0, 0, 0, 1, 0, 0]
  /// Where some users have but a key of the old kind.
  static let oldAlgorithms: [UInt8] = [0, 1, 0, 0]
  /// What is offered, and all that was.
  private var offer: [UInt8]
  private var offers: [[UInt8]]

  init(realm: String, _ credentials: RelayCredentials, secret: [UInt8]) {
    self.realm = realm
    realmBytes = Array(realm.utf8)
    self.credentials = credentials
    nonces = RelayNonce(secret: secret)
    offer = credentials.needsMD5 ? Self.oldAlgorithms : Self.algorithms
    offers = [offer]
  }

  /// Others may come from now on. Who has an allocation keeps it, and its key; who is no longer listed cannot prolong it.
  mutating func use(_ new: RelayCredentials) {
    credentials = new
    cache = RelayKeyCache()
    offer = new.needsMD5 ? Self.oldAlgorithms : Self.algorithms
    if !offers.contains(offer) { offers.append(offer) }
  }

  func account(of user: String) -> String { credentials.account(of: user) }

  /// Adds what somebody must know to sign a request.
  func addChallenge(to answer: inout STUNMessageWriter, for client: SocketAddress, at now: Instant) {
    answer.add(.realm, realmBytes.span.bytes)
    answer.add(.nonce, nonces.make(for: client, at: now).span.bytes)
    answer.add(.passwordAlgorithms, offer.span.bytes)
  }

  /// What somebody at `ip` must know to sign a request from whatever port, told before they ask.
  func challenge(for ip: IPAddress, at now: Instant) -> RelayChallenge {
    RelayChallenge(
      realm: realm, nonce: nonces.make(for: Self.whoever(at: ip), at: now),
      passwordAlgorithms: offer)
  }

  /// Nobody has this port.
  private static func whoever(at ip: IPAddress) -> SocketAddress { SocketAddress(ip, port: 0) }

  /// Says who has signed `request`, in the order of RFC 8489, 9.2.4.
  ///
  /// - Parameter owner: whose allocation the client has: its key is good as long as the allocation is.
  mutating func judge(
    _ request: borrowing STUNMessage, from client: SocketAddress, owner: User?, at now: Instant,
    timeOfDay: Duration
  ) -> Verdict {
    guard request.integrity != .none else { return .refused(.unauthenticated) }
    guard let name = request.text(.username), name.utf8.count <= STUNLimits.usernameBytes,
      request.has(.realm), let nonce = request.value(of: .nonce), let algorithm = algorithm(of: request)
    else { return .refused(.badRequest) }
    guard request.value(of: .realm, equals: realmBytes.span.bytes) else { return .refused(.unauthenticated) }
    guard
      let key = key(of: name, algorithm, owner, signing: request, timeOfDay: timeOfDay)
    else { return .refused(.unauthenticated) }
    // Told only to those who have signed rightly: anybody else is a stranger.
    guard
      nonces.isGood(nonce, for: client, at: now)
        || nonces.isGood(nonce, for: Self.whoever(at: client.ip), at: now)
    else { return .refused(.staleNonce) }
    let function: HashFunction = request.integrity == .sha256 ? .sha256 : .sha1
    let isListed = owner.map { $0.name == name && $0.isListed } ?? credentials.lists(name)
    return .admitted(
      User(name: name, key: key, algorithm: algorithm, function: function, isListed: isListed))
  }

  /// How the password was made a key; nil where the request was made to use a weaker way than was offered.
  private func algorithm(of request: borrowing STUNMessage) -> STUNPasswordAlgorithm? {
    let chosen = request.value(of: .passwordAlgorithm)
    guard request.has(.passwordAlgorithms) || chosen != nil else { return .md5 }
    guard let chosen, chosen.byteCount >= 4,
      offers.contains(where: { request.value(of: .passwordAlgorithms, equals: $0.span.bytes) })
    else { return nil }
    return STUNPasswordAlgorithm(rawValue: chosen.number(at: 0, as: UInt16.self))
  }

  private mutating func key(
    of name: String, _ algorithm: STUNPasswordAlgorithm, _ owner: User?,
    signing request: borrowing STUNMessage, timeOfDay: Duration
  ) -> STUNKey? {
    if let owner, owner.name == name, owner.algorithm == algorithm,
      !owner.isListed || credentials.lists(name), request.isSigned(with: owner.key)
    {
      return owner.key
    }
    guard credentials.isCurrent(name, timeOfDay: timeOfDay) else { return nil }
    if let key = cache.key(of: name, algorithm), request.isSigned(with: key) { return key }
    for key in credentials.keys(of: name, realm: realm, algorithm, timeOfDay: timeOfDay) {
      guard request.isSigned(with: key) else { continue }
      // Only now: names that somebody invents push out nobody's.
      cache.keep(key, of: name, algorithm)
      return key
    }
    return nil
  }
}

/// The keys of those who have come last, no more than a number of them.
struct RelayKeyCache {
  private struct Name: Hashable {
    var user: String
    var algorithm: STUNPasswordAlgorithm
  }

  private var keys: [Name: STUNKey] = [:]
  /// In the order in which they came, which is the order in which they go.
  private var names: [Name] = []
  private var next = 0
  private let capacity: Int

  init(capacity: Int = RelayLimits.cachedKeys) { self.capacity = capacity }

  var count: Int { keys.count }

  func key(of user: String, _ algorithm: STUNPasswordAlgorithm) -> STUNKey? {
    keys[Name(user: user, algorithm: algorithm)]
  }

  mutating func keep(_ key: STUNKey, of user: String, _ algorithm: STUNPasswordAlgorithm) {
    let name = Name(user: user, algorithm: algorithm)
    guard keys.updateValue(key, forKey: name) == nil else { return }
    if names.count < capacity {
      names.append(name)
    } else {
      keys[names[next]] = nil
      names[next] = name
      next = (next + 1) % capacity
    }
  }
}

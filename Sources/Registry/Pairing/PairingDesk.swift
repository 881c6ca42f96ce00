import WarrenMachine

/// Brings two together who know the same key: one waits for the other, who asks once and is told at once whether somebody
/// waits.
public struct PairingDesk: Sendable {
  /// How one of the two may be reached, and for whom it waits.
  public struct Offer: Hashable, Sendable {
    /// Over what.
    public var transport: TransportProtocol
    /// Where, as the other side sees it.
    public var address: SocketAddress
    /// From where the other must come; nil for anywhere, as behind one NAT, or with IPv6.
    public var expected: IPAddress?

    /// An offer.
    public init(
      _ transport: TransportProtocol, at address: SocketAddress, expecting expected: IPAddress? = nil
    ) {
      self.transport = transport
      self.address = address
      self.expected = expected
    }
  }

  /// Who waits.
  public struct Ticket: Hashable, Sendable {
    let number: Int
  }

  private struct Waiting {
    var ticket: Ticket
    var offer: Offer
  }

  private let patience: Duration
  private let capacity: Int
  private var waiting: [String: Waiting] = [:]
  private var keys: [Ticket: String] = [:]
  /// Those who wait, the one who has waited longest first; some have gone.
  private var queue = Queue<(ticket: Ticket, until: Instant)>()
  private var lastNumber = 0

  /// A desk at which nobody waits.
  ///
  /// - Parameters:
  ///   - patience: how long one waits.
  ///   - capacity: how many wait at most.
  public init(patience: Duration = .seconds(30), capacity: Int = 10_000) {
    self.patience = patience
    self.capacity = capacity
  }

  /// How many wait.
  public var count: Int { waiting.count }

  /// Somebody waits for whoever asks with the same key.
  ///
  /// - Throws: ``RegistryError/Code/badKey``, ``RegistryError/Code/keyInUse``, ``RegistryError/Code/full``.
  public mutating func wait(
    with key: String, _ offer: Offer, at now: Instant
  ) throws(RegistryError) -> Ticket {
    try Self.check(key)
    guard waiting[key] == nil else {
      throw RegistryError(.keyInUse, "somebody waits with this key already: take another")
    }
    // Those who have gone are in the queue until their time is over.
    guard waiting.count < capacity, queue.count < 4 * capacity else {
      throw RegistryError(.full, "too many wait already: try again later")
    }
    lastNumber += 1
    let ticket = Ticket(number: lastNumber)
    waiting[key] = Waiting(ticket: ticket, offer: offer)
    keys[ticket] = key
    queue.append((ticket, now.advanced(by: patience)))
    return ticket
  }

  /// Somebody asks who waits, who is told of this offer, and waits no longer.
  ///
  /// - Parameter source: from where it asks.
  /// - Throws: ``RegistryError/Code/badKey``, and ``RegistryError/Code/nobodyWaits``, also where somebody waits for another,
  ///   or over something else: who knows half of a secret learns nothing.
  public mutating func ask(
    with key: String, _ offer: Offer, from source: IPAddress
  ) throws(RegistryError) -> (ticket: Ticket, offer: Offer) {
    try Self.check(key)
    guard let found = waiting[key], found.offer.transport == offer.transport,
      found.offer.expected.map({ $0.canonical == source.canonical }) ?? true,
      offer.expected.map({ $0.canonical == found.offer.address.ip.canonical }) ?? true
    else {
      throw RegistryError(.nobodyWaits, "nobody waits with this key: the other side must begin")
    }
    leave(found.ticket)
    return (found.ticket, found.offer)
  }

  /// Who waited has gone, or was told: its key is free.
  public mutating func leave(_ ticket: Ticket) {
    if let key = keys.removeValue(forKey: ticket) { waiting[key] = nil }
  }

  /// Those who have waited too long, and wait no more.
  public mutating func takeExpired(at now: Instant) -> [Ticket] {
    var expired: [Ticket] = []
    while let first = queue.first, first.until <= now || keys[first.ticket] == nil {
      _ = queue.popFirst()
      guard keys[first.ticket] != nil else { continue }
      leave(first.ticket)
      expired.append(first.ticket)
    }
    return expired
  }

  /// When to call ``takeExpired(at:)``.
  public var nextDeadline: Instant? { queue.first?.until }

  private static func check(_ key: String) throws(RegistryError) {
    guard !key.isEmpty else { throw RegistryError(.badKey, "a key has at least one character") }
    guard key.utf8.count <= RegistryLimits.keyBytes else {
      throw RegistryError(.badKey, "a key has at most \(RegistryLimits.keyBytes) bytes")
    }
  }
}

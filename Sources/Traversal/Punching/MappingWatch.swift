import WarrenMachine
import WarrenSTUN

/// Asks a STUN server again and again how it sees a socket, without I/O: what is known is fresh, and the mapping stays open.
public struct MappingWatch: Sendable {
  /// How the server sees the socket.
  public private(set) var mapped: SocketAddress?
  /// What proves to the server that it has said so, if it gives such: see ``STUNAttribute/attestation``.
  public private(set) var attestation: UInt64?
  /// Since when it has been so, as far as is known.
  public private(set) var mappedSince: Instant?
  /// For how long a mapping lives at most although it is used, where the NAT lets none live for long.
  public private(set) var life: Duration?
  /// Who is asked.
  public let server: SocketAddress

  /// Whether the beginning of the mapping was seen.
  private var sawBeginning: Bool

  private var query: ReflexiveQuery
  private var isDue = true

  /// A watch that begins at once.
  ///
  /// - Parameter isNew: whether the socket is, and its port: then no mapping is older.
  public init(
    of server: SocketAddress, isNew: Bool, using random: inout some RandomNumberGenerator, at now: Instant
  ) {
    self.server = server
    sawBeginning = isNew
    query = ReflexiveQuery(base: 0, server: server, id: TransactionID(using: &random), at: now)
  }

  /// Takes what came to the socket.
  ///
  /// - Returns: whether it was the server's answer.
  public mutating func receive(_ bytes: RawSpan, from source: SocketAddress, at now: Instant) -> Bool {
    guard source == server, query.isPending, let message = try? STUNMessage(bytes),
      message.transactionID == query.id, message.messageClass == .success, let mapped = message.mappedAddress
    else { return false }
    see(mapped, at: now)
    attestation = message.longNumber(.attestation)
    query.answered(mapped, at: now)
    return true
  }

  private mutating func see(_ new: SocketAddress, at now: Instant) {
    defer { mapped = new }
    guard let since = mappedSince else {
      mappedSince = now
      return
    }
    let age = since.duration(to: now)
    if mapped == new {
      // It lives longer: what was seen before had another reason.
      if let life, age > life * 2 { self.life = nil }
      return
    }
    // That it was used is sure where it was asked about: it is, all the time. What has ended before that was not.
    if sawBeginning, age >= PunchLimits.keepAlive * 2 { life = min(life ?? age, age) }
    sawBeginning = true
    mappedSince = now
  }

  /// Writes the question, if it is to be sent now.
  public mutating func pollQuestion(into message: inout STUNMessageWriter) -> Bool {
    guard isDue else { return false }
    isDue = false
    query.write(into: &message)
    message.add(.attestation, UInt64(0))
    return true
  }

  /// The mapping may be another since a moment ago: then it is known for how long it has lived.
  public mutating func hurry(at now: Instant) { query.hurry(at: now) }

  /// When to call ``handleDeadline(at:using:)``.
  public var nextDeadline: Instant? { query.deadline }

  /// Takes the time, and asks again where it is time to.
  public mutating func handleDeadline(at now: Instant, using random: inout some RandomNumberGenerator) {
    guard let deadline = query.deadline, deadline <= now else { return }
    isDue = query.handleDeadline(at: now, nextID: TransactionID(using: &random))
    guard case .silent = query.state else { return }
    // The server says nothing any more: it is asked again later, as if for the first time.
    mapped = nil
    mappedSince = nil
    sawBeginning = false
    attestation = nil
    query.rest(at: now)
  }
}

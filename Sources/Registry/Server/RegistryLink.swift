import WarrenCrypto
import WarrenMachine
import WarrenQUIC
import WarrenTLS

/// What carries the bytes between a peer and a registry, in order, and says who the other side is.
protocol RegistryLink: Sendable {
  /// Who the other side has proven to be.
  var peer: PeerID { get }
  /// Where it is seen now.
  var remote: SocketAddress { get async }
  /// Whether it is seen at the port that its connections will use.
  var showsPort: Bool { get }
  /// What has come; nil at the end.
  func read() async throws -> [UInt8]?
  func write(_ bytes: [UInt8]) async throws
  /// Says why it is over.
  func close(_ reason: LinkEnd) async
}

/// Why a registry or a peer ends what is between them, as the other side is told.
enum LinkEnd: UInt64 {
  /// It was told to.
  case closed = 0
  /// What came was no message.
  case malformed = 1
  /// Somebody with the same key has come later.
  case replaced = 2
  /// Too much came, or too little was taken.
  case tooMuch = 3
  /// There is no room.
  case full = 4

  var reason: String {
    switch self {
    case .closed: "closed"
    case .malformed: "what came is no message of this protocol"
    case .replaced: "somebody else with this key has come: a key is for one program at a time"
    case .tooMuch: "too much at once"
    case .full: "there are too many already: try again later"
    }
  }
}

/// A stream of a QUIC connection.
struct QUICLink: RegistryLink {
  let connection: Connection
  let stream: Connection.Stream
  let peer: PeerID

  init?(_ connection: Connection, _ stream: Connection.Stream) {
    guard let peer = connection.peer else { return nil }
    self.connection = connection
    self.stream = stream
    self.peer = peer
  }

  var showsPort: Bool { true }
  var remote: SocketAddress { get async { await connection.networkPath.remote } }
  func read() async throws -> [UInt8]? { try await stream.read() }
  func write(_ bytes: [UInt8]) async throws { try await stream.write(bytes) }
  func close(_ end: LinkEnd) async { await connection.close(code: end.rawValue, reason: end.reason) }
}

/// A TLS connection, for networks that block UDP.
struct TLSLink: RegistryLink {
  let connection: TLSConnection
  let address: SocketAddress
  let peer: PeerID
  // Used on the machine's executor alone.
  private nonisolated(unsafe) let silence: MachineTimer

  /// What carries a conversation with whoever is known; made on the machine's executor.
  init?(_ connection: TLSConnection, to address: SocketAddress) {
    guard let peer = connection.peer else { return nil }
    // Whoever reads learns of it.
    silence = connection.machine.makeTimer { connection.assumeIsolated { $0.close() } }
    self.connection = connection
    self.address = address
    self.peer = peer
  }

  var showsPort: Bool { false }
  var remote: SocketAddress { get async { address } }

  func read() async throws -> [UInt8]? {
    // TCP says nothing of who has gone without a word. A timer, since most peers are silent: two tasks cost more than TLS.
    silence.schedule(at: connection.machine.now.advanced(by: RegistryLimits.silence))
    defer { silence.cancel() }
    do { return try await connection.read() } catch {
      if !silence.isScheduled { throw DeadlineExceeded(limit: RegistryLimits.silence) }
      throw error
    }
  }

  func write(_ bytes: [UInt8]) async throws { try await connection.write(bytes) }
  func close(_ end: LinkEnd) async { await connection.close() }
}

import WarrenCrypto
import WarrenMachine
import WarrenSTUN

/// How far a puncher has come with looking at its own NAT's ports, agreeing on a search, and searching.
struct SearchState {
  /// A packet that is due.
  enum Packet {
    /// From one of the opener's sockets, which is the n-th packet of all.
    case opener(PunchCore.Channel, Int)
    /// To a port of the other side.
    case probe(UInt16)
  }

  /// A report, and when it came.
  struct Known {
    var report: PortReport
    var at: Instant

    /// How long ago the last sample was taken.
    func age(at now: Instant) -> Duration { report.sampleAge + at.duration(to: now) }
  }

  var sampling: PortSampling?
  var samplers: [(channel: PunchCore.Channel, port: UInt16)] = []
  var missingSamplers = 0
  /// What the samples say, and when the last was taken, until the other side is told.
  var fitted: (model: PortModel, at: Instant)?
  var pin: PortPin?
  var pinAttempts = 0
  /// The base whose port towards the other side was found out, and that port.
  var pinnedBase: Int?
  var pinnedPort: UInt16?
  /// The base from which a later round searches.
  var roundBase: Int?
  var round: UInt8 = 0
  var own: Known?
  var theirs: Known?
  var hasPlanned = false
  /// A plan that came before the report that it is made from.
  var pendingPlan: (plan: SearchPlan, round: UInt8)?
  /// What has been agreed upon and waits for its turn.
  var prepared: (plan: SearchPlan, part: SearchCore.Part)?
  var running: SearchCore?
  /// Where packets go: the opener's, in turn, to each; of the opener itself only the address counts.
  var targets: [SocketAddress] = []
  var openerPackets = 0
  var sockets: [(number: Int, socket: Int, port: UInt16)] = []
  var due: [Packet] = []
  var socketRequests: [PunchCore.SocketPurpose] = []
  /// The ids of search packets to us, and to the other side, of a round.
  private var ownToken: (round: UInt8, id: TransactionID)?
  private var theirToken: (round: UInt8, id: TransactionID)?
  /// Packets of this round that have been followed by checks.
  var hints = 0

  /// When to close what both sides do not use.
  var retiresAt: Instant?

  var deadline: Instant? {
    Instant.earliest(
      .earliest(sampling?.deadline, pin?.deadline), .earliest(running?.deadline, retiresAt))
  }

  /// The id of this round's search packets to us, who have these credentials.
  mutating func ours(token credentials: ICECredentials) -> TransactionID {
    if let ownToken, ownToken.round == round { return ownToken.id }
    let id = token(credentials)
    ownToken = (round, id)
    return id
  }

  /// The id of this round's search packets to the other side, who has these credentials.
  mutating func theirs(token credentials: ICECredentials) -> TransactionID {
    if let theirToken, theirToken.round == round { return theirToken.id }
    let id = token(credentials)
    theirToken = (round, id)
    return id
  }

  /// 12 bytes that only the two can know: so a packet of 20 bytes says whose it is.
  private func token(_ credentials: ICECredentials) -> TransactionID {
    let code = HMAC(.sha256, key: Array(credentials.password.utf8))
      .code(of: Array("warren search".utf8) + [round])
    let high = code[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return TransactionID(high, code[4..<12].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }

  /// Stops sending.
  mutating func stop() {
    prepared = nil
    running = nil
    due = []
    socketRequests.removeAll { $0 != .sampling }
  }
}

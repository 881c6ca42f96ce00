import WarrenMachine
import WarrenSTUN

/// Makes an outside port known that is counted by the address of the remote end.
///
/// Three new sockets send in one go: one to a STUN server, one to the other side, one to the STUN server again. If the
/// server sees the first and the last two steps apart, the port of the one between them is known: it is the same
/// for all ports of the other side, so the other side can be told of it like of any candidate.
struct PortPin {
  private struct Question {
    var id: TransactionID
    var channel: PunchCore.Channel
    var mapped: SocketAddress?
  }

  /// What is to be sent next, in this order.
  enum Packet {
    case question(PunchCore.Channel, SocketAddress, TransactionID)
    case opening(PunchCore.Channel, SocketAddress)
  }

  let step: Int
  let range: PortRange
  let remote: SocketAddress
  private let server: SocketAddress
  private var sockets: [(socket: Int, port: UInt16)?] = [nil, nil, nil]
  private var questions: [Question] = []
  private var due: [Packet] = []
  private var wait = PunchLimits.samplePatience
  private var again: Instant?
  private var tries = 0
  private(set) var hasFailed = false

  init(_ counter: PortCounter, remote: SocketAddress, server: SocketAddress) {
    step = counter.step
    range = counter.range
    self.remote = remote
    self.server = server
  }

  /// The socket in the middle, once it is known where it is.
  var pinned: (socket: Int, port: UInt16, outside: SocketAddress)? {
    guard questions.count == 2, let before = questions[0].mapped, let after = questions[1].mapped,
      before.ip == after.ip, range.port(2 * step, from: before.port) == after.port, let socket = sockets[1]
    else { return nil }
    return (socket.socket, socket.port, SocketAddress(before.ip, port: range.port(step, from: before.port)))
  }

  /// Whether all answers have come, but others have opened mappings in between.
  var isSpoilt: Bool { questions.count == 2 && questions.allSatisfy { $0.mapped != nil } && pinned == nil }

  /// The sockets that are not needed any more.
  var outer: [Int] { [sockets[0], sockets[2]].compactMap { $0?.socket } }

  /// All its sockets.
  var all: [Int] { sockets.compactMap { $0?.socket } }

  var deadline: Instant? { again }

  /// A socket that was asked for is there, or could not be had.
  mutating func opened(
    _ number: Int, _ socket: (socket: Int, port: UInt16)?, at now: Instant,
    using random: inout any RandomNumberGenerator
  ) {
    guard let socket else {
      hasFailed = true
      return
    }
    sockets[number] = socket
    let channels = sockets.compactMap { $0.map { PunchCore.Channel.socket($0.socket) } }
    guard channels.count == 3, questions.isEmpty else { return }
    for channel in [channels[0], channels[2]] {
      questions.append(Question(id: TransactionID(using: &random), channel: channel))
    }
    due = [
      .question(channels[0], server, questions[0].id), .opening(channels[1], remote),
      .question(channels[2], server, questions[1].id),
    ]
    again = now.advanced(by: wait)
  }

  mutating func pollPacket() -> Packet? { due.isEmpty ? nil : due.removeFirst() }

  /// Asks again what was not answered.
  mutating func handleDeadline(at now: Instant) {
    guard let at = again, at <= now else { return }
    tries += 1
    guard tries < PunchLimits.pinTries else {
      again = nil
      hasFailed = true
      return
    }
    due += questions.filter { $0.mapped == nil }.map { .question($0.channel, server, $0.id) }
    wait *= 2
    again = now.advanced(by: wait)
  }

  /// Takes an answer; whether it was one to these questions.
  mutating func receive(_ answer: borrowing STUNMessage, from source: SocketAddress) -> Bool {
    let id = answer.transactionID
    guard source == server, let place = questions.firstIndex(where: { $0.id == id }) else { return false }
    questions[place].mapped = questions[place].mapped ?? answer.mappedAddress
    return true
  }
}

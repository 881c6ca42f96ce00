import WarrenMachine
import WarrenSTUN

/// Asks STUN servers how they see a few sockets, a burst for each server, so that a ``PortModel`` can be fitted.
///
/// It begins with the first burst. A model can do without a sample or two: only where more are lost, they are asked for
/// once more. When the mapping was made that such an answer tells of is not known, perhaps by the question that was lost.
struct PortSampling {
  /// A question: which socket asks which server.
  struct Question {
    var channel: PunchCore.Channel
    var localPort: UInt16
    var server: SocketAddress
    var id: TransactionID
    var sent: Instant
    var isAnswered = false
    var isRepeated = false
  }

  private let servers: [SocketAddress]
  private var sockets: [(channel: PunchCore.Channel, port: UInt16)] = []
  private var questions: [Question] = []
  private var burst = 0
  private var nextBurst: Instant?
  private var endsAt: Instant?
  private var answers: [(question: Int, sample: PortSample)] = []
  private var due: [Int] = []
  private(set) var isOver = false
  private(set) var lastSample: Instant?

  /// Samples with the help of these servers: two addresses and two ports tell most.
  init(servers: [SocketAddress]) {
    self.servers = Array(servers.prefix(PunchLimits.samplingServers))
    isOver = self.servers.count < 2
  }

  /// Takes the sockets that ask; the first burst is due.
  mutating func begin(_ sockets: [(channel: PunchCore.Channel, port: UInt16)], at now: Instant) {
    self.sockets = sockets
    nextBurst = now
  }

  var deadline: Instant? { isOver ? nil : [nextBurst, endsAt].compactMap { $0 }.min() }

  mutating func handleDeadline(at now: Instant, using random: inout any RandomNumberGenerator) {
    if let at = nextBurst, at <= now {
      if burst < servers.count {
        for socket in sockets {
          ask(socket.channel, socket.port, servers[burst], isRepeated: false, at: now, using: &random)
        }
        burst += 1
        nextBurst = now.advanced(
          by: burst < servers.count ? SearchLimits.burstSpacing : PunchLimits.samplePatience)
      } else {
        nextBurst = nil
        if firm.count >= SearchLimits.enoughSamples {
          isOver = true
          return
        }
        for lost in questions.filter({ !$0.isAnswered && !$0.isRepeated }) {
          ask(lost.channel, lost.localPort, lost.server, isRepeated: true, at: now, using: &random)
        }
        endsAt = now.advanced(by: PunchLimits.samplePatience)
        endIfDone()
      }
    }
    if let at = endsAt, at <= now { isOver = true }
  }

  private mutating func ask(
    _ channel: PunchCore.Channel, _ port: UInt16, _ server: SocketAddress, isRepeated: Bool, at now: Instant,
    using random: inout any RandomNumberGenerator
  ) {
    questions.append(
      Question(
        channel: channel, localPort: port, server: server, id: TransactionID(using: &random), sent: now,
        isRepeated: isRepeated))
    due.append(questions.count - 1)
  }

  mutating func pollQuestion(into message: inout STUNMessageWriter) -> Question? {
    guard !due.isEmpty else { return nil }
    let question = questions[due.removeFirst()]
    message.begin(.request, .binding, question.id)
    return question
  }

  /// Takes an answer; whether it was one to these questions.
  mutating func receive(_ answer: borrowing STUNMessage, from source: SocketAddress) -> Bool {
    let id = answer.transactionID
    guard let place = questions.firstIndex(where: { $0.id == id && $0.server == source }) else {
      return false
    }
    guard !questions[place].isAnswered, let outside = answer.mappedAddress else { return true }
    let question = questions[place]
    for same in questions.indices
    where questions[same].channel == question.channel && questions[same].server == source {
      questions[same].isAnswered = true
    }
    answers.append(
      (
        place,
        PortSample(localPort: question.localPort, outside: outside, remote: source, sent: question.sent)
      ))
    lastSample = max(lastSample ?? question.sent, question.sent)
    endIfDone()
    return true
  }

  /// What was seen, in the order of asking: answers may overtake each other.
  var samples: [PortSample] {
    let usable = firm.count >= SearchLimits.enoughSamples ? firm : answers
    return usable.sorted { $0.question < $1.question }.map(\.sample)
  }

  /// Answers to what was asked once.
  private var firm: [(question: Int, sample: PortSample)] {
    answers.filter { !questions[$0.question].isRepeated }
  }

  private mutating func endIfDone() {
    if burst == servers.count, questions.allSatisfy(\.isAnswered) { isOver = true }
  }
}

import TestSupport
import Testing
import Warren

@Suite("The core of NAT discovery")
struct NATDiscoveryCoreTests {
  static let server = SocketAddress(IPAddress(203, 0, 113, 1), port: 3478)
  static let other = SocketAddress(IPAddress(203, 0, 113, 2), port: 3479)
  static let outside = IPAddress(198, 51, 100, 1)
  static let local = IPAddress(192, 168, 1, 2)

  /// A core whose questions are answered by hand.
  private struct Dialogue {
    var core: NATDiscoveryCore
    var now = Instant(nanoseconds: 0)
    private(set) var asked: [Question] = []

    struct Question {
      var socket: Int
      var destination: SocketAddress
      var bytes: [UInt8]
    }

    init() {
      core = NATDiscoveryCore(
        server, ownAddresses: [local], measuresLifetime: false, random: SeededRandom(1))
      core.begin((0..<core.socketCount).map { UInt16(40_000 + $0) }, at: now)
      drain()
    }

    mutating func drain() {
      var writer = STUNMessageWriter()
      asked = []
      while let transmit = core.pollTransmit(into: &writer) {
        asked.append(Question(socket: transmit.socket, destination: transmit.destination, bytes: writer.copy))
      }
    }

    /// Answers a question from `source`, at the socket that asked or at another.
    mutating func answer(
      _ question: Question, from source: SocketAddress, at socket: Int? = nil, mapped: SocketAddress,
      other: SocketAddress? = nil
    ) {
      var writer = STUNMessageWriter()
      guard let message = try? STUNMessage(question.bytes.span.bytes) else { return }
      writer.beginAnswer(.success, to: message)
      writer.add(.xorMappedAddress, masked: mapped)
      if let other { writer.add(.otherAddress, plain: other) }
      core.receive(writer.bytes, on: socket ?? question.socket, at: local, from: source, at: now)
    }

    /// Lets the time pass until it is done; a full cone answers what is asked of the server, if it does at all.
    mutating func finish(
      other: SocketAddress?, filterAnswers: (Question) -> SocketAddress? = { _ in nil }
    ) -> Result<NATReport, NATDiscoveryError>? {
      for _ in 0..<200 where core.outcome == nil {
        for question in asked {
          guard let message = try? STUNMessage(question.bytes.span.bytes) else { continue }
          let wishesChange = message.has(.changeRequest)
          let source = wishesChange ? filterAnswers(question) : question.destination
          guard let source, question.destination.ip != outside else { continue }
          let mapped = SocketAddress(outside, port: UInt16(40_000 + question.socket))
          answer(question, from: source, mapped: mapped, other: other)
        }
        if let next = core.nextDeadline { now = max(now, next) }
        core.handleDeadline(at: now)
        drain()
      }
      return core.outcome
    }
  }

  @Test("asks the server alone at first, and no more often than it has patience")
  func first() throws {
    var dialogue = Dialogue()
    var sent = 0
    while dialogue.core.outcome == nil {
      sent += dialogue.asked.count
      #expect(dialogue.asked.allSatisfy { $0.destination == Self.server })
      dialogue.now = try #require(dialogue.core.nextDeadline)
      dialogue.core.handleDeadline(at: dialogue.now)
      dialogue.drain()
    }
    #expect(sent == DiscoveryLimits.firstPatience.transmissions)
    #expect(dialogue.core.outcome == .failure(.noAnswer(Self.server)))
    #expect(dialogue.core.nextDeadline == nil)
  }

  @Test("takes no answer from a stranger, to another question, or twice")
  func strangers() throws {
    var dialogue = Dialogue()
    let question = try #require(dialogue.asked.first)
    let lie = SocketAddress(IPAddress(192, 0, 2, 66), port: 1)
    // From elsewhere.
    dialogue.answer(question, from: lie, mapped: lie, other: Self.other)
    // With another id.
    var forged = question
    forged.bytes[19] ^= 1
    dialogue.answer(forged, from: Self.server, mapped: lie, other: Self.other)
    dialogue.drain()
    #expect(dialogue.asked.isEmpty)
    // What is no message, or no answer.
    for bytes in [
      [], [0], question.bytes, Array(question.bytes.dropLast()), [UInt8](repeating: 255, count: 40),
    ] {
      dialogue.core.receive(
        bytes.span.bytes, on: question.socket, at: nil, from: Self.server, at: dialogue.now)
    }
    let truth = SocketAddress(Self.outside, port: 50_000)
    dialogue.answer(question, from: Self.server, mapped: truth)
    dialogue.answer(question, from: Self.server, mapped: lie)
    dialogue.drain()
    let report = try #require(try dialogue.finish(other: nil)?.get())
    #expect(report.outside == truth)
    #expect(report.local == SocketAddress(Self.local, port: 40_000 + UInt16(question.socket)))
  }

  @Test(
    "does not go where a server's other address cannot be",
    arguments: [
      "203.0.113.1:3479", "203.0.113.2:3478", "0.0.0.0:3479", "224.0.0.1:3479", "255.255.255.255:3479",
      "203.0.113.2:0", "[2001:db8::1]:3479",
    ])
  func otherAddress(text: String) throws {
    var dialogue = Dialogue()
    let report = try #require(try dialogue.finish(other: SocketAddress(text))?.get())
    #expect(report.mapping == nil && report.filtering == nil)
    #expect(report.description.contains("Not known is"))
  }

  @Test("believes in an open filter only what came from where it was to come from")
  func filter() throws {
    let fromOther: (Dialogue.Question) -> SocketAddress? = { question in
      let flags = (try? STUNMessage(question.bytes.span.bytes))?.number(.changeRequest)
      return flags == 6 ? Self.other : SocketAddress(Self.server.ip, port: Self.other.port)
    }
    let cases: [((Dialogue.Question) -> SocketAddress?, NATKind.Dependence?)] = [
      (fromOther, .endpointIndependent),
      ({ fromOther($0) == Self.other ? nil : fromOther($0) }, .addressDependent),
      ({ _ in nil }, .addressAndPortDependent),
      // It answers from where it was asked.
      ({ _ in Self.server }, nil),
      // The wrong one of its addresses.
      ({ _ in SocketAddress(Self.other.ip, port: Self.server.port) }, nil),
    ]
    for (answers, truth) in cases {
      var dialogue = Dialogue()
      let report = try #require(try dialogue.finish(other: Self.other, filterAnswers: answers)?.get())
      #expect(report.filtering == truth)
      #expect(report.mapping == .endpointIndependent && report.allocation == .preserving)
      // Nobody has sent to the outside address, where hairpins would come from.
      #expect(report.hairpins == false)
    }
  }
}

import TestSupport
import Testing
import WarrenMachine
import WarrenSTUN

@Suite("A STUN server's core")
struct ServerCoreTests {
  static let primary = SocketAddress(IPAddress(203, 0, 113, 1), port: 3478)
  static let alternate = SocketAddress(IPAddress(203, 0, 113, 2), port: 3479)
  static let client = SocketAddress(IPAddress(198, 51, 100, 7), port: 40_000)

  @Test("answers a bare request with the address and nothing else")
  func bare() throws {
    var server = Dialogue(Self.primary)
    let answer = try #require(server.ask { _ in })
    #expect(answer.route == .init(destination: Self.client, source: Self.primary))
    #expect(answer.bytes.count == 32)
    let message = try KeptMessage(answer.bytes)
    #expect(message.messageClass == .success)
    #expect(message.mappedAddress == Self.client)
    #expect(message.transactionID == TransactionID(1, 2))
    #expect(server.core.counters == .init(answers: 1))
  }

  @Test(
    "answers from the address that was wished for",
    arguments: [
      (0, primary), (2, SocketAddress(primary.ip, port: 3479)), (4, SocketAddress(alternate.ip, port: 3478)),
      (6, alternate),
    ] as [(UInt32, SocketAddress)])
  func change(flags: UInt32, expected: SocketAddress) throws {
    var server = Dialogue(Self.primary, Self.alternate)
    let answer = try #require(server.ask { $0.add(.changeRequest, flags) })
    #expect(answer.route.source == expected)
    let message = try KeptMessage(answer.bytes)
    #expect(message.plainAddress(.otherAddress) == Self.alternate)
    #expect(message.plainAddress(.responseOrigin) == expected)
  }

  @Test("says that it has no other address")
  func noOther() throws {
    var server = Dialogue(Self.primary)
    let answer = try #require(server.ask { $0.add(.changeRequest, UInt32(6)) })
    let message = try KeptMessage(answer.bytes)
    #expect(message.errorCode == .unknownAttribute)
    #expect(message.value(of: .unknownAttributes) == [0, 3])
    #expect(answer.route.source == Self.primary)
  }

  @Test("answers to another port of the asker's, and to nobody else")
  func responsePort() throws {
    var server = Dialogue(Self.primary, Self.alternate)
    let answer = try #require(server.ask { $0.add(.responsePort, UInt32(41_000) << 16) })
    #expect(answer.route.destination == SocketAddress(Self.client.ip, port: 41_000))
    let refused = try #require(server.ask { $0.add(.responsePort, UInt32(0)) })
    let message = try KeptMessage(refused.bytes)
    #expect(message.messageClass == .failure)
  }

  @Test("answers to another port with one address alone where it is told to, and attests nothing there")
  func responsePortOfOne() throws {
    var server = Dialogue(Self.primary)
    let refused = try #require(server.ask { $0.add(.responsePort, UInt32(41_000) << 16) })
    #expect(try KeptMessage(refused.bytes).errorCode == .unknownAttribute)
    server.core.answersOtherPorts = true
    server.core.attest = { _ in 7 }
    let answer = try #require(
      server.ask {
        $0.add(.responsePort, UInt32(41_000) << 16)
        $0.add(.attestation, 0 as UInt64)
      })
    #expect(answer.route.destination == SocketAddress(Self.client.ip, port: 41_000))
    #expect(answer.bytes.count == 32)
    // Another address it still does not have.
    let other = try #require(server.ask { $0.add(.changeRequest, UInt32(6)) })
    #expect(try KeptMessage(other.bytes).value(of: .unknownAttributes) == [0, 3])
  }

  @Test("pads with no more than it was sent")
  func padding() throws {
    var server = Dialogue(Self.primary, Self.alternate)
    let sent = [UInt8](repeating: 7, count: 4000)
    let answer = try #require(server.ask { $0.add(.padding, sent.span.bytes) })
    #expect(answer.bytes.count < sent.count)
    #expect(answer.bytes.count > 1500)
  }

  @Test("is silent to what is no request, and to itself, in every spelling")
  func silent() {
    var server = Dialogue(Self.primary, Self.alternate)
    for messageClass in STUNClass.allCases where messageClass != .request {
      #expect(server.ask(messageClass) { _ in } == nil)
    }
    let mapped = IPAddress(v6: 0, 0xFFFF_CB00_7101)
    #expect(mapped.canonical == Self.primary.ip)
    let strangers =
      server.core.addresses.all + [
        SocketAddress(mapped, port: 3478), SocketAddress(Self.client.ip, port: 0),
        SocketAddress(IPAddress(255, 255, 255, 255), port: 9),
        SocketAddress(IPAddress(224, 0, 0, 1), port: 9),
        .any(.v4, port: 9),
      ]
    for stranger in strangers { #expect(server.ask(from: stranger) { _ in } == nil) }
    #expect(server.core.counters == .init(ignored: 3 + strangers.count))
  }

  @Test("never sends more than three times what it was sent")
  func amplification() throws {
    var random = SeededRandom(3)
    for alternate in [nil, Self.alternate] {
      var server = Dialogue(Self.primary, alternate)
      for _ in 0..<2000 {
        var sent = 0
        let answer = server.ask { message in
          for _ in 0..<Int.random(in: 0...6, using: &random) {
            let attribute = STUNAttribute(
              rawValue: [3, 0x26, 0x27, 6, 8, 0x7000, 0x9000].randomElement(using: &random)!)
            let value = random.bytes([0, 4, 8, 100].randomElement(using: &random)!)
            message.add(attribute, value.span.bytes)
          }
          if Bool.random(using: &random) { message.addFingerprint() }
          sent = message.byteCount
        }
        #expect((answer?.bytes.count ?? 0) <= 3 * sent)
      }
    }
  }

  @Test("refuses what is not binding, and answers over a connection")
  func others() throws {
    var server = Dialogue(Self.primary)
    let answer = try #require(server.ask(method: .allocate) { _ in })
    let message = try KeptMessage(answer.bytes)
    #expect(message.errorCode == .badRequest)

    var writer = STUNMessageWriter()
    writer.begin(.request, .binding, TransactionID(3, 4))
    let request = writer.copy
    let isAnswered = server.core.receiveOnStream(
      request.span.bytes, from: Self.client, at: Self.primary, into: &writer)
    #expect(isAnswered)
  }

  /// A client that asks and sees what comes back.
  struct Dialogue {
    var core: STUNServerCore

    struct Answer: Equatable {
      var route: STUNServerCore.Route
      var bytes: [UInt8]
    }

    init(_ primary: SocketAddress, _ alternate: SocketAddress? = nil) {
      core = STUNServerCore(.init(primary: primary, alternate: alternate))
    }

    mutating func ask(
      _ messageClass: STUNClass = .request, method: STUNMethod = .binding,
      from source: SocketAddress = client,
      _ fill: (inout STUNMessageWriter) -> Void
    ) -> Answer? {
      var writer = STUNMessageWriter()
      writer.begin(messageClass, method, TransactionID(1, 2))
      fill(&writer)
      let request = writer.copy
      guard let route = core.receive(request.span.bytes, from: source, at: primary, into: &writer) else {
        return nil
      }
      return Answer(route: route, bytes: writer.copy)
    }
  }
}

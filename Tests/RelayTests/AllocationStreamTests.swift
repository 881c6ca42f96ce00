import TestSupport
import Testing
import Warren

@testable import WarrenRelay
@testable import WarrenSTUN

@Suite("A client's allocation for TCP")
struct AllocationStreamTests {
  private static let peer = SocketAddress(IPAddress(198, 51, 100, 7), port: 80)
  private typealias Script = ScriptedRelayCore.Script

  private static func dialogue(_ script: Script = Script()) throws -> AllocationDialogue {
    var dialogue = try AllocationDialogue(script, isReliable: true) { $0.transport = .tcp }
    dialogue.begin()
    #expect(dialogue.takeEvents() == [.allocated])
    return dialogue
  }

  private static func attempt(
    _ peer: SocketAddress?, id: UInt32?, _ messageClass: STUNClass = .indication,
    _ method: STUNMethod = .connectionAttempt
  ) -> [UInt8] {
    var writer = STUNMessageWriter()
    writer.begin(messageClass, method, TransactionID(1, 2))
    if let peer { writer.add(.xorPeerAddress, masked: peer) }
    if let id { writer.add(.connectionID, id) }
    return writer.copy
  }

  private static func receive(_ bytes: [UInt8], by dialogue: inout AllocationDialogue) throws {
    let message = try STUNMessage(bytes.span.bytes)
    dialogue.core.receiveAttempt(message)
    dialogue.run()
  }

  @Test("asks for TCP, for no mobility, and is told what each connection is called")
  func connects() throws {
    var dialogue = try Self.dialogue()
    let asked = try #require(dialogue.relay.attributes[.allocate])
    #expect(asked.contains(STUNAttribute.requestedTransport.rawValue))
    #expect(!asked.contains(STUNAttribute.mobilityTicket.rawValue))
    for (number, port) in [80, 81, 80].enumerated() {
      let peer = SocketAddress(Self.peer.ip, port: UInt16(port))
      try dialogue.core.connect(to: peer, at: dialogue.now)
      dialogue.run()
      #expect(dialogue.takeEvents() == [.connected(peer, id: UInt32(number + 1))])
    }
  }

  @Test("says why there is no connection, and goes on")
  func refusals() throws {
    let codes: [(STUNErrorCode, RelayError.Code)] = [
      (.connectionFailure, .unreachablePeer), (.connectionExists, .alreadyConnected),
      (.forbidden, .forbidden), (.insufficientCapacity, .noRoom), (.badRequest, .server(400)),
    ]
    var script = Script()
    script.refusals[.connect] = codes.map(\.0)
    var dialogue = try Self.dialogue(script)
    for (_, code) in codes {
      try dialogue.core.connect(to: Self.peer, at: dialogue.now)
      dialogue.run()
      guard case .refused(Self.peer, let error)? = dialogue.takeEvents().first else {
        Issue.record("nothing was said of \(code)")
        continue
      }
      #expect(error.code == code)
    }
    #expect(dialogue.core.phase == .allocated)
    let v6 = SocketAddress(.loopback(.v6), port: 1)
    #expect(throws: RelayError.self) { try dialogue.core.connect(to: v6, at: dialogue.now) }
    let nowhere = SocketAddress(Self.peer.ip, port: 0)
    #expect(throws: RelayError.self) { try dialogue.core.connect(to: nowhere, at: dialogue.now) }
    // Who says yes and not to what has said nothing.
    dialogue.relay.script.namesConnections = false
    try dialogue.core.connect(to: Self.peer, at: dialogue.now)
    dialogue.run()
    guard case .refused(Self.peer, let error)? = dialogue.takeEvents().first else {
      Issue.record("a connection without a name")
      return
    }
    #expect(error.code == .badAnswer)
    var none = try AllocationDialogue(isReliable: true) { $0.transport = .tcp }
    none.relay.script.refusals[.allocate] = [.unsupportedTransport]
    none.begin()
    #expect(none.takeEvents() == [.failed(RelayError(.noTCP))])
  }

  @Test("asks for nobody twice at once, and for everything else while peers are slow")
  func slow() throws {
    var script = Script()
    script.ignores = [.connect]
    var dialogue = try Self.dialogue(script)
    for port in 1...UInt16(RelayClientLimits.connects) {
      try dialogue.core.connect(to: SocketAddress(Self.peer.ip, port: port), at: dialogue.now)
    }
    dialogue.run()
    #expect(throws: RelayError(.alreadyConnected)) {
      try dialogue.core.connect(to: SocketAddress(Self.peer.ip, port: 1), at: dialogue.now)
    }
    #expect(throws: RelayError.self) { try dialogue.core.connect(to: Self.peer, at: dialogue.now) }
    dialogue.core.permit([Self.peer.ip], at: dialogue.now)
    dialogue.run()
    #expect(dialogue.core.isPermitted(Self.peer.ip), "it has waited for peers")
    dialogue.pass(.seconds(40))
    let events = dialogue.takeEvents()
    #expect(events.count == RelayClientLimits.connects)
    for event in events {
      guard case .refused(_, let error) = event else {
        Issue.record("\(event)")
        continue
      }
      #expect(error.code == .silent)
    }
    #expect(dialogue.core.phase == .allocated)
  }

  @Test("believes of arrivals only what may be so")
  func arrivals() throws {
    var dialogue = try Self.dialogue()
    let good = Self.attempt(Self.peer, id: 7)
    try Self.receive(good, by: &dialogue)
    #expect(dialogue.takeEvents().isEmpty, "nobody was permitted")
    dialogue.core.permit([Self.peer.ip], at: dialogue.now)
    dialogue.run()
    _ = dialogue.takeEvents()
    let bad = [
      Self.attempt(nil, id: 7), Self.attempt(Self.peer, id: nil), Self.attempt(Self.peer, id: 7, .request),
      Self.attempt(Self.peer, id: 7, .indication, .data),
      Self.attempt(SocketAddress(IPAddress(198, 51, 100, 8), port: 80), id: 7),
    ]
    for bytes in bad { try Self.receive(bytes, by: &dialogue) }
    #expect(dialogue.takeEvents().isEmpty)
    try Self.receive(good, by: &dialogue)
    #expect(dialogue.takeEvents() == [.arrived(Self.peer, id: 7)])
    // One for datagrams knows no connections.
    var datagrams = try AllocationDialogue(isReliable: true)
    datagrams.begin()
    datagrams.core.permit([Self.peer.ip], at: datagrams.now)
    datagrams.run()
    _ = datagrams.takeEvents()
    try Self.receive(good, by: &datagrams)
    #expect(datagrams.takeEvents().isEmpty)
  }
}

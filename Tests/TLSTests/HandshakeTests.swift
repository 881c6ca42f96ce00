import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenTLS

@Suite("A TLS handshake")
struct HandshakeTests {
  @Test("makes both keys known to both sides, and a protocol")
  func mutual() throws {
    let lab = try TLSLaboratory { side, configuration in
      configuration.protocols = side == 0 ? ["other", "warren-test"] : ["warren-test", "third"]
    }
    #expect(lab.phases == [.handshaking, .handshaking] && lab.client.nextDeadline != nil)
    try lab.open()
    #expect(lab.client.peer == lab.keys.server.peerID && lab.server.peer == lab.keys.client.peerID)
    #expect(lab.cores.map(\.protocolName) == ["warren-test", "warren-test"])
    #expect(lab.cores.map(\.nextDeadline) == [nil, nil])
  }

  @Test("tells its secrets to whoever asked for them, and to nobody else")
  func keyLog() throws {
    let told = Guarded<[[String]]>([[], []])
    let lab = try TLSLaboratory { side, configuration in
      configuration.keyLog = { line in told.withLock { $0[side].append(line) } }
    }
    try lab.open()
    let lines = told.withLock { $0 }
    for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"] {
      let words = lines.map { $0.filter { $0.hasPrefix(label + " ") } }
      #expect(words[0].count == 1 && words[0] == words[1])
      let parts = words[0][0].split(separator: " ")
      #expect(parts.count == 3 && parts[1].count == 64 && parts[2].count >= 64)
    }
    try TLSLaboratory().open()
    #expect(told.withLock { $0 } == lines)
  }

  @Test("needs no protocol where neither side names one")
  func silentProtocol() throws {
    let lab = try TLSLaboratory { _, configuration in configuration.protocols = [] }
    try lab.open()
    #expect(lab.cores.map(\.protocolName) == ["", ""])
  }

  @Test("ends when somebody else answers than who was called, and both are told")
  func wrongPeer() throws {
    var random = SeededRandom(9)
    let lab = try TLSLaboratory(expecting: PrivateKey(using: &random).peerID)
    lab.run()
    #expect(
      lab.errors == [TLSError(.wrongPeer(lab.keys.server.peerID)), TLSError(.alert(42), isRemote: true)])
  }

  @Test("with a key alone ends where authorities are to vouch for the server, and both are told")
  func unvouchedKey() throws {
    let lab = try TLSLaboratory(expecting: .some(nil), name: "localhost") { side, configuration in
      if side == 0 { configuration.authorities = .system }
    }
    lab.run()
    #expect(lab.errors.map { $0?.code } == [.badCertificate, .alert(42)])
  }

  @Test("with whoever answers is possible")
  func anybody() throws {
    let lab = try TLSLaboratory(expecting: .some(nil))
    try lab.open()
    #expect(lab.client.peer == lab.keys.server.peerID)
  }

  @Test("ends when the server does not accept the client, before anything the client wrote is given out")
  func unwanted() throws {
    let asked = Guarded<[PeerID]>([])
    let lab = try TLSLaboratory { side, configuration in
      guard side == 1 else { return }
      configuration.accepts = { peer in
        asked.withLock { $0.append(peer) }
        return false
      }
    }
    lab.take(from: 0)
    // The server's flight arrives, and with the client's goes what it writes at once.
    lab.deliver(from: 0)
    lab.take(from: 1)
    lab.deliver(from: 1)
    #expect(lab.client.phase == .open)
    #expect(try lab.say([1, 2, 3], 0) == 3)
    lab.drain()
    #expect(asked.withLock { $0 } == [lab.keys.client.peerID])
    #expect(lab.heard == [[], []])
    let unwanted = TLSError(.unwantedPeer(lab.keys.client.peerID))
    #expect(lab.errors == [TLSError(.alert(49), isRemote: true), unwanted])
    #expect(throws: unwanted) { try lab.say([1], 1) }
  }

  @Test(
    "ends when the two have no protocol in common, or one names none",
    arguments: [(["a"], ["b"]), ([], ["b"]), (["a"], [])])
  func noProtocol(client: [String], server: [String]) throws {
    let lab = try TLSLaboratory { side, configuration in configuration.protocols = side == 0 ? client : server
    }
    lab.drain()
    let isServer = !server.isEmpty
    #expect(
      lab.errors == [TLSError(.noProtocol, isRemote: isServer), TLSError(.noProtocol, isRemote: !isServer)])
  }

  @Test("is given up when it takes too long")
  func tooLong() throws {
    let lab = try TLSLaboratory { _, configuration in configuration.handshakeTimeout = .seconds(3) }
    for core in lab.cores {
      let deadline = try #require(core.nextDeadline)
      #expect(deadline == TLSLaboratory.start.advanced(by: .seconds(3)))
      core.handleDeadline(at: deadline.advanced(by: .nanoseconds(-1)))
      #expect(core.phase == .handshaking)
      core.handleDeadline(at: deadline)
      #expect(core.phase == .ended(TLSError(.handshakeTimeout)) && core.nextDeadline == nil)
    }
  }

  @Test("ends when one side changes its mind")
  func changedMind() throws {
    let lab = try TLSLaboratory()
    try lab.client.finish()
    lab.run()
    lab.server.receiveEnd()
    #expect(lab.errors == [TLSError(.closed), TLSError(.truncated)])
  }

  @Test("refuses a message that is larger than any, before it fills the memory")
  func tooLarge() throws {
    let lab = try TLSLaboratory()
    // 16 MB are announced.
    var record = [0x16, 3, 1, 0x40, 0, 1, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 16_380)
    var sent = 0
    while lab.server.phase == .handshaking, sent < 1_000_000 {
      sent += lab.server.receive(record.span.bytes)
      record = [0x16, 3, 1, 0x40, 0] + [UInt8](repeating: 0, count: 16_384)
    }
    #expect(sent <= TLSLimits.silentBytes + TLSLimits.wireRecordBytes)
    #expect(lab.errors[1]?.code == .alert(50))
  }

  @Test("refuses what is not TLS, and TLS before 1.3")
  func foreign() throws {
    for bytes in [
      Array("GET / HTTP/1.1\r\n\r\n".utf8), [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 9],
      Array(repeating: 0, count: 100),
      oldHello,
    ] {
      let lab = try TLSLaboratory()
      _ = lab.server.receive(bytes.span.bytes)
      let error = try #require(lab.errors[1])
      guard case .alert(let alert) = error.code else {
        Issue.record("\(error)")
        continue
      }
      #expect(!error.isRemote && (bytes != oldHello || [40, 70].contains(alert)), "\(error)")
      lab.take(from: 1)
      // The alert is in the clear: nobody has agreed upon anything.
      #expect(lab.onTheWay[1] == [0x15, 3, lab.onTheWay[1][2], 0, 2, 2, alert])
    }
  }

  /// The beginning of TLS 1.2, with one of its ciphers and no extensions.
  private var oldHello: [UInt8] {
    let hello = [3, 3] + [UInt8](repeating: 7, count: 32) + [0, 0, 2, 0xC0, 0x2F, 1, 0]
    let message = [1, 0, 0, UInt8(hello.count)] + hello
    return [0x16, 3, 1, 0, UInt8(message.count)] + message
  }

  @Test("refuses protocols that cannot be offered")
  func unofferable() throws {
    for protocols in [[String](repeating: "a", count: 9), [String(repeating: "a", count: 32)]] {
      #expect(throws: TLSError.self) {
        try TLSLaboratory { _, configuration in configuration.protocols = protocols }
      }
    }
  }

  @Test("says in words what went wrong, and what to do")
  func words() {
    var random = SeededRandom(1)
    let peer = PrivateKey(using: &random).peerID
    let codes: [TLSError.Code] = [
      .alert(42), .wrongPeer(peer), .unwantedPeer(peer), .noProtocol, .truncated, .handshakeTimeout, .closed,
      .system,
    ]
    for code in codes {
      for isRemote in [false, true] { #expect("\(TLSError(code, isRemote: isRemote))".count > 20) }
    }
    #expect(
      "\(TLSError(.alert(40)))"
        == "this side ended TLS with alert 40 (the two have no cipher, group or kind of key in common)")
  }
}

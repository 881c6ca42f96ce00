import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenQUIC

private func put(_ bytes: [UInt8], _ stream: StreamCore) throws { _ = try stream.write(bytes.span.bytes) }

@Suite("A QUIC connection ends")
struct EndingTests {
  @Test("with a code and a reason that the other side is told", arguments: [0, 1])
  func close(side: Int) throws {
    let lab = try QUICLaboratory()
    let pair = try lab.connected()
    let (own, other) = side == 0 ? (pair.0, pair.1) : (pair.1, pair.0)
    own.close(code: 7, reason: "done", at: lab.now)
    lab.drain()
    lab.run(for: .seconds(5))
    #expect(own.error == QUICError(.application(7), reason: "done"))
    #expect(other.error == QUICError(.application(7), reason: "done", isRemote: true))
    #expect(lab.errors.map(\.count) == [1, 1])
    #expect(lab.endpoints.map(\.connectionCount) == [0, 0])
    #expect(own.phase == .ended && other.phase == .ended)
    #expect(throws: QUICError.self) { _ = try own.openStream() }
  }

  @Test(
    "for the other side too, though the word of it is lost at first", arguments: 1...10 as ClosedRange<UInt64>
  )
  func lostClose(seed: UInt64) throws {
    let lab = try QUICLaboratory(seed: seed)
    let (client, server) = try lab.connected()
    let stream = try #require(try server.openStream())
    lab.loss = 1
    client.close(code: 3, at: lab.now)
    lab.drain()
    lab.loss = 0
    // Whoever still sends is told again.
    try put([1], stream)
    lab.drain()
    lab.run(for: .seconds(10))
    #expect(server.error == QUICError(.application(3), isRemote: true))
  }

  @Test("when nothing is heard for too long")
  func idle() throws {
    let lab = try QUICLaboratory { _, configuration in configuration.idleTimeout = .seconds(10) }
    let (client, server) = try lab.connected()
    let start = lab.now
    lab.loss = 1
    lab.run(for: .seconds(60)) { client.error != nil && server.error != nil }
    #expect(client.error == QUICError(.idle) && server.error == QUICError(.idle))
    #expect(start.duration(to: lab.now) < .seconds(16))
    #expect(lab.endpoints.map(\.connectionCount) == [0, 0])
  }

  @Test("not, while it says that it is alive")
  func keepAlive() throws {
    let lab = try QUICLaboratory { side, configuration in
      configuration.idleTimeout = .seconds(10)
      if side == 0 { configuration.keepAlive = .seconds(4) }
    }
    let (client, server) = try lab.connected()
    lab.run(for: .seconds(300))
    #expect(client.phase == .open && server.phase == .open)
  }

  @Test("before it has begun, where nobody is")
  func nobody() throws {
    let lab = try QUICLaboratory()
    lab.loss = 1
    let core = try lab.connect()
    lab.run(for: .seconds(30))
    #expect(core.error == QUICError(.handshakeTimeout))
    #expect(lab.endpoints[0].connectionCount == 0)
  }

  @Test("at once, when the other side has forgotten it")
  func forgotten() throws {
    let lab = try QUICLaboratory()
    let (client, server) = try lab.connected()
    // Its program was restarted: the endpoint is the same, its connections are not there.
    server.end()
    let stream = try #require(try client.openStream())
    _ = try stream.write(Pattern.bytes(0, 0..<1000).span.bytes)
    lab.drain()
    lab.run(for: .seconds(1))
    #expect(client.error == QUICError(.forgotten, isRemote: true))
    #expect(lab.endpoints[1].counters.resets > 0)
  }

  @Test("with the next sign of life, when the other side has forgotten it and nothing else is to be said")
  func forgottenInSilence() throws {
    let lab = try QUICLaboratory { side, configuration in
      if side == 0 { configuration.keepAlive = .seconds(4) }
    }
    let (client, server) = try lab.connected()
    lab.run(for: .seconds(1))
    server.end()
    lab.run(for: .seconds(5))
    #expect(client.error == QUICError(.forgotten, isRemote: true))
  }

  @Test("for the reason that was given, though nothing was said to anybody yet")
  func unsaid() throws {
    let lab = try QUICLaboratory()
    let core = try lab.endpoints[0].connect(
      over: NetworkPath(to: QUICLaboratory.address(1)), expecting: nil, at: lab.now)
    core.close(code: 9, reason: "never mind", at: lab.now)
    #expect(core.error == QUICError(.application(9), reason: "never mind"))
  }

  @Test("where the two have no protocol in common")
  func protocols() throws {
    let lab = try QUICLaboratory { side, configuration in configuration.protocols = ["protocol \(side)"] }
    try lab.connect()
    lab.run(for: .seconds(5))
    #expect(lab.opened[0].isEmpty && lab.opened[1].isEmpty)
    // RFC 7301, 3.2: no_application_protocol.
    #expect(lab.errors[0] == [QUICError(.tls(120), isRemote: true)])
    #expect(lab.errors[1] == [QUICError(.tls(120))])
  }

  @Test(
    "and what was on its streams is over, too: what has arrived can be read, what was not sent is known to be lost"
  )
  func streams() throws {
    let lab = try QUICLaboratory()
    let (client, server) = try lab.connected()
    let stream = try #require(try client.openStream())
    try put([1, 2, 3], stream)
    lab.drain()
    lab.run(for: .milliseconds(100))
    server.close(code: 5, at: lab.now)
    lab.drain()
    lab.run(for: .milliseconds(100))
    #expect(throws: QUICError(.application(5), isRemote: true)) { try put([4], stream) }
    #expect(stream.readError == QUICError(.application(5), isRemote: true))
    let arrived = try #require(lab.streams[1].first)
    #expect(arrived.read() == [1, 2, 3])
  }
}

@Suite("A QUIC stream ends")
struct StreamEndingTests {
  private func open() throws -> (QUICLaboratory, StreamCore, StreamCore) {
    let lab = try QUICLaboratory()
    let (client, _) = try lab.connected()
    let stream = try #require(try client.openStream())
    try put([1], stream)
    lab.drain()
    lab.run(for: .milliseconds(100))
    return (lab, stream, try #require(lab.streams[1].first))
  }

  @Test("when its writer gives up: the reader is told, and what was not read is gone")
  func reset() throws {
    let (lab, stream, other) = try open()
    stream.reset(code: 9)
    lab.drain()
    lab.run(for: .milliseconds(100))
    #expect(other.readError == QUICError(.reset(9), isRemote: true))
    #expect(other.read().isEmpty)
    #expect(throws: QUICError(.reset(9))) { try put([2], stream) }
    // The other direction is as it was.
    try put([8], other)
    try other.finish()
    lab.drain()
    lab.run(for: .milliseconds(100))
    #expect(stream.read() == [8] && stream.isAtEnd)
    #expect(stream.connection.streams.isEmpty && other.connection.streams.isEmpty)
  }

  @Test("when its reader wants no more: the writer is told")
  func stop() throws {
    let (lab, stream, other) = try open()
    other.stop(code: 4)
    lab.drain()
    lab.run(for: .milliseconds(100))
    // It is known from the first packet that cannot be sent.
    try put([2], stream)
    lab.drain()
    #expect(throws: QUICError(.stopped(nil), isRemote: true)) { try put([3], stream) }
    #expect(other.readError == QUICError(.stopped(4)))
  }

  @Test("once, however often it is finished, and takes nothing after that")
  func finish() throws {
    let (lab, stream, other) = try open()
    try stream.finish()
    try stream.finish()
    #expect(throws: QUICError(.closed)) { try put([2], stream) }
    lab.drain()
    lab.run(for: .milliseconds(100))
    #expect(other.read() == [1] && other.isAtEnd)
  }

  @Test("though nothing was ever written")
  func empty() throws {
    let lab = try QUICLaboratory()
    let (client, _) = try lab.connected()
    let stream = try #require(try client.openStream(isBidirectional: false))
    try stream.finish()
    lab.drain()
    lab.run(for: .milliseconds(100))
    let other = try #require(lab.streams[1].first)
    #expect(other.isAtEnd)
    #expect(throws: QUICError(.closed)) { try put([1], other) }
    #expect(stream.readError == QUICError(.closed))
  }

  @Test("with a window for others, whatever of it was never read")
  func window() throws {
    let lab = try QUICLaboratory { _, configuration in
      (configuration.window, configuration.largestWindow) = (100_000, 100_000)
      (configuration.streamWindow, configuration.largestStreamWindow) = (60_000, 60_000)
    }
    let (client, _) = try lab.connected()
    for number in 0..<20 {
      let stream = try #require(try client.openStream(isBidirectional: false))
      _ = try stream.write(Pattern.bytes(0, 0..<50_000).span.bytes)
      lab.drain()
      lab.run(for: .seconds(1))
      let other = try #require(lab.streams[1].last)
      #expect(other.id == stream.id && other.readableCount == 50_000, "stream \(number)")
      if number % 2 == 0 { other.stop(code: 1) } else { stream.reset(code: 1) }
      lab.drain()
      lab.run(for: .seconds(1))
    }
  }
}

import Testing
import WarrenMachine

@testable import WarrenQUIC

/// Writes as much as the stream takes.
private func fill(_ stream: StreamCore, with count: Int) throws {
  var left = count
  while left > 0 {
    let taken = try stream.write([UInt8](repeating: 7, count: min(left, 60_000)).span.bytes)
    guard taken > 0 else { return }
    left -= taken
  }
}

@Suite("A QUIC stream that waits")
struct StreamTurnTests {
  @Test("for its own window hears that nobody wants more of it")
  func stopped() throws {
    let lab = try QUICLaboratory { _, c in (c.streamWindow, c.largestStreamWindow) = (60_000, 60_000) }
    let (client, _) = try lab.connected()
    let stream = try #require(try client.openStream())
    try fill(stream, with: 500_000)
    lab.drain()
    lab.run(for: .seconds(2))
    #expect(stream.writeCapacity == 0 || stream.isBlocked)
    let other = try #require(lab.streams[1].first)
    var touched = 0
    lab.onTouched = { side, s in if side == 0, s === stream { touched += 1 } }
    other.stop(code: 4)
    lab.drain()
    lab.run(for: .seconds(20))
    #expect(!stream.isWritable && touched > 0, "blocked \(stream.isBlocked) touched \(touched)")
  }

  @Test("for the connection's window does not hold up another's end, which needs none")
  func endBehind() throws {
    let lab = try QUICLaboratory { _, c in
      (c.streamWindow, c.largestStreamWindow) = (200_000, 200_000)
      (c.window, c.largestWindow) = (100_000, 100_000)
    }
    let (client, _) = try lab.connected()
    let b = try #require(try client.openStream(isBidirectional: false))
    try fill(b, with: 1)
    lab.drain()
    lab.run(for: .seconds(1))
    let a = try #require(try client.openStream(isBidirectional: false))
    try fill(a, with: 200_000)
    lab.drain()
    lab.run(for: .seconds(2))
    try b.finish()
    lab.drain()
    lab.run(for: .seconds(10))
    let other = try #require(lab.streams[1].first)
    #expect(other.receiving == .complete, "waiting \(client.waiting.count) queued \(b.isQueued)")
  }

  @Test("for the connection's window waits once, however often it is written to")
  func once() throws {
    let lab = try QUICLaboratory { _, c in
      (c.streamWindow, c.largestStreamWindow) = (200_000, 200_000)
      (c.window, c.largestWindow) = (10_000, 10_000)
    }
    let (client, _) = try lab.connected()
    let a = try #require(try client.openStream(isBidirectional: false))
    try fill(a, with: 20_000)
    lab.drain()
    lab.run(for: .seconds(1))
    for _ in 0..<100 {
      try fill(a, with: 1)
      lab.drain()
    }
    #expect(client.waiting.count <= 1, "\(client.waiting.count)")
  }

  @Test("behind a datagram that has become too large is sent all the same", arguments: [false, true])
  func behindDatagram(small: Bool) throws {
    let lab = try QUICLaboratory()
    let (client, _) = try lab.connected()
    lab.run(for: .seconds(5))
    let capacity = client.datagramCapacity
    #expect(capacity > 1300)
    #expect(try client.send(datagram: [UInt8](repeating: 1, count: capacity)))
    if small {
      client.smallPacketsUntil = lab.now.advanced(by: .seconds(600))
    } else {
      lab.largest = 1300
      try client.migrate(
        to: NetworkPath(to: QUICLaboratory.address(1), through: 3), atOnce: true, at: lab.now)
    }
    let stream = try #require(try client.openStream())
    try fill(stream, with: 1000)
    lab.drain()
    lab.run(for: .seconds(20))
    #expect(lab.streams[1].count == 1, "outgoing \(client.outgoingDatagrams.count) phase \(client.phase)")
  }

  @Test("to be sent says that it was reset when it was, and not that it was stopped")
  func resetQueued() throws {
    let lab = try QUICLaboratory()
    let (client, _) = try lab.connected()
    let stream = try #require(try client.openStream())
    try fill(stream, with: 1000)
    stream.reset(code: 5)
    lab.drain()
    #expect(throws: QUICError(.reset(5))) { try fill(stream, with: 1) }
  }

  @Test("for its end goes when nobody wants more of it, though the word of that is lost")
  func stoppedAndLost() throws {
    let lab = try QUICLaboratory { _, c in c.unidirectionalStreams = 4 }
    let (client, server) = try lab.connected()
    lab.run(for: .seconds(2))
    for _ in 0..<4 {
      let stream = try #require(try client.openStream(isBidirectional: false))
      try fill(stream, with: 100)
      lab.drain()
      lab.run(for: .milliseconds(100))
      // The end is on its way while the reader wants no more, and its word of that is lost.
      try stream.finish()
      lab.drain()
      var isFirst = true
      lab.tap = { f in
        guard f.to == 0, isFirst else { return true }
        isFirst = false
        return false
      }
      try #require(lab.streams[1].last).stop(code: 1)
      lab.drain()
      lab.run(for: .milliseconds(1000))
      lab.tap = { _ in true }
    }
    lab.run(for: .seconds(20))
    #expect(server.streams.isEmpty, "\(server.streams.count)")
    #expect(client.streamsLeft(isBidirectional: false) > 0)
  }

  @Test("to be taken counts as one that is open: there are never more than were permitted")
  func untaken() throws {
    let lab = try QUICLaboratory()
    lab.takesStreams = false
    let (client, server) = try lab.connected()
    lab.oneWay = .milliseconds(1)
    for _ in 0..<20 {
      while let stream = try client.openStream(isBidirectional: false) { try stream.finish() }
      while let stream = try client.openStream() { try stream.finish() }
      lab.drain()
      lab.run(for: .milliseconds(100))
    }
    let limits = server.endpoint.configuration
    #expect(lab.streams[1].count == limits.unidirectionalStreams + limits.bidirectionalStreams)
    for stream in lab.streams[1] where stream.isBidirectional { try? stream.finish() }
    lab.drain()
    lab.run(for: .seconds(1))
    #expect(try client.openStream(isBidirectional: false) == nil && client.openStream() == nil)
    // Each that is taken lets another come.
    for stream in lab.streams[1] { server.take(stream) }
    lab.drain()
    lab.run(for: .seconds(1))
    #expect(client.streamsLeft(isBidirectional: false) == limits.unidirectionalStreams)
    #expect(client.streamsLeft() == limits.bidirectionalStreams)
  }
}

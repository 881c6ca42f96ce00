import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenQUIC

@Suite("Two QUIC endpoints")
struct ConnectionCoreTests {
  @Test("know each other after one round trip, by their keys and what they speak")
  func handshake() throws {
    let lab = try QUICLaboratory()
    let start = lab.now
    try lab.connect()
    lab.run(for: .seconds(1)) { !lab.opened[0].isEmpty && !lab.opened[1].isEmpty }
    let (client, server) = (try #require(lab.opened[0].first), try #require(lab.opened[1].first))
    #expect(start.duration(to: lab.now) <= .milliseconds(31))
    #expect(client.peer == lab.keys[1].peerID && server.peer == lab.keys[0].peerID)
    #expect(client.protocolName == "warren-test" && server.protocolName == "warren-test")
    #expect(client.phase == .open && server.phase == .open)
  }

  @Test("carry bytes both ways on one stream, to its end")
  func echo() throws {
    let lab = try QUICLaboratory()
    let (client, _) = try lab.connected()
    let stream = try #require(try client.openStream())
    var received: [UInt8] = []
    lab.onTouched = { side, stream in
      let bytes = stream.read()
      if side == 1 {
        _ = try? stream.write(bytes.span.bytes)
        if stream.isAtEnd { try? stream.finish() }
      } else {
        received += bytes
      }
    }
    let bytes = Array("The quick brown fox".utf8)
    #expect(try stream.write(bytes.span.bytes) == bytes.count)
    try stream.finish()
    lab.drain()
    lab.run(for: .seconds(1))
    #expect(received == bytes)
    #expect(stream.isAtEnd)
    #expect(client.streams.isEmpty)
  }

  @Test("tell how much they have sent and received")
  func statistics() throws {
    let lab = try QUICLaboratory()
    let (client, server) = try lab.connected()
    let transfer = Transfer(lab, size: 100_000)
    try transfer.begin(client, streams: 2)
    lab.run(for: .seconds(10)) { transfer.isDone }
    lab.run(for: .seconds(5))
    for (own, other, side) in [(client, server, 0), (server, client, 1)] {
      #expect(own.statistics.sent.datagrams == lab.sent[side])
      #expect(own.statistics.sent.bytes == lab.sentBytes[side])
      #expect(own.statistics.sent == other.statistics.received)
    }
    #expect(client.statistics.sent.bytes > 200_000 && client.statistics.sent.bytes < 220_000)
    #expect(client.statistics.roundTrip >= .milliseconds(20))
  }

  @Test("end the handshake when somebody else answers than who was called")
  func wrongPeer() throws {
    let lab = try QUICLaboratory()
    try lab.connect(expecting: lab.keys[0].peerID)
    lab.run(for: .seconds(5))
    #expect(lab.errors[0] == [QUICError(.wrongPeer(lab.keys[1].peerID))])
    #expect(lab.errors[1].count == 1)
    #expect(lab.opened[1].isEmpty)
    #expect(lab.endpoints.map(\.connectionCount) == [0, 0])
  }

  @Test("turn away whom the policy does not want, before any stream")
  func unwanted() throws {
    let lab = try QUICLaboratory { side, configuration in
      if side == 1 { configuration.accepts = { _ in false } }
    }
    try lab.connect()
    lab.run(for: .seconds(5))
    #expect(lab.opened[1].isEmpty)
    #expect(lab.errors[0] == [QUICError(.tls(42), isRemote: true)])
    #expect(lab.endpoints.map(\.connectionCount) == [0, 0])
  }
}

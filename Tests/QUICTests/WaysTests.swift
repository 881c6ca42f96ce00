import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenQUIC

@Suite("A handshake on several ways at once")
struct WaysTests {
  /// Where nobody is.
  private static let nowhere = NetworkPath(to: SocketAddress(IPAddress(10, 0, 0, 99), port: 5000 - 1))

  private static func way(to side: Int, through channel: UInt16 = 0) -> NetworkPath {
    let there = QUICLaboratory.address(side)
    return NetworkPath(to: SocketAddress(there.ip, port: there.port + channel), through: channel)
  }

  /// A client whose first flight somebody carries to the other side, while it learns the other's ways.
  private func introduce(
    _ lab: QUICLaboratory, theirs: [NetworkPath], mine: [NetworkPath], as peer: PeerID? = nil,
    early: [UInt8]? = nil
  ) throws -> ConnectionCore {
    let client = try lab.endpoints[0].connectOpenly(
      to: lab.keys[1].peerID, early: early != nil, at: lab.now)
    lab.connections[0].append(client)
    if let early {
      let stream = try #require(try client.openStream())
      _ = try stream.write(early.span.bytes)
    }
    lab.drain()
    let flight = client.flight
    lab.run(for: lab.oneWay * 2)
    let server = try lab.endpoints[1].accept(
      flight, from: peer ?? lab.keys[0].peerID, over: mine, at: lab.now)
    #expect(server.phase == .handshaking || peer != nil)
    for way in theirs { client.add(way, at: lab.now) }
    lab.drain()
    return client
  }

  @Test("is done with the other side's first answer, wherever else nobody is")
  func firstAnswer() throws {
    let lab = try QUICLaboratory()
    let began = lab.now
    let client = try introduce(
      lab, theirs: [Self.nowhere, Self.way(to: 1)], mine: [Self.nowhere, Self.way(to: 0)])
    lab.run(for: .seconds(1)) { client.phase == .open }
    #expect(began.duration(to: lab.now) == lab.oneWay * 3)
    let stream = try #require(try client.openStream())
    _ = try stream.write(([1, 2, 3] as [UInt8]).span.bytes)
    lab.drain()
    lab.run(for: .seconds(1)) { !lab.streams[1].isEmpty }
    #expect(began.duration(to: lab.now) == lab.oneWay * 4)
    #expect(lab.streams[1].first?.read() == [1, 2, 3])
    let server = try #require(lab.opened[1].first)
    #expect(client.path.remote == QUICLaboratory.address(1))
    #expect(server.path.remote == QUICLaboratory.address(0))
    #expect(client.peer == lab.keys[1].peerID && server.peer == lab.keys[0].peerID)
  }

  @Test("is done a trip later where the client's NAT has given it another port for this")
  func otherPort() throws {
    let lab = try QUICLaboratory()
    lab.rebinding = 1000
    let began = lab.now
    let client = try introduce(lab, theirs: [Self.way(to: 1)], mine: [Self.way(to: 0)])
    lab.run(for: .seconds(1)) { client.phase == .open }
    #expect(began.duration(to: lab.now) == lab.oneWay * 4)
    let stream = try #require(try client.openStream())
    _ = try stream.write(([1] as [UInt8]).span.bytes)
    lab.drain()
    lab.run(for: .seconds(1)) { !lab.streams[1].isEmpty }
    #expect(began.duration(to: lab.now) == lab.oneWay * 5)
    #expect(lab.opened[1].first?.path.remote.port == 5433)
  }

  @Test("carries what was written early in what is carried to the other side")
  func early() throws {
    let lab = try QUICLaboratory { _, configuration in configuration.permitsEarlyData = true }
    let (client, _) = try lab.connected()
    client.close(at: lab.now)
    lab.drain()
    lab.run(for: .seconds(5))
    let count = lab.streams[1].count
    let began = lab.now
    _ = try introduce(lab, theirs: [Self.way(to: 1)], mine: [Self.way(to: 0)], early: [7, 8])
    #expect(lab.streams[1].count == count + 1)
    #expect(lab.streams[1].last?.read() == [7, 8])
    #expect(began.duration(to: lab.now) == lab.oneWay * 2)
    lab.run(for: .seconds(1)) { lab.opened[1].count == 2 }
    #expect(lab.opened[1].count == 2)
  }

  @Test(
    "becomes a connection like any other, whatever gets lost", arguments: 1...200 as ClosedRange<UInt64>)
  func loss(seed: UInt64) throws {
    let lab = try QUICLaboratory(seed: seed)
    lab.loss = 0.2
    lab.duplication = 0.1
    lab.jitter = .milliseconds(10)
    let ways = { (side: Int) in [Self.nowhere, Self.way(to: side), Self.way(to: side, through: 2)] }
    let client = try introduce(lab, theirs: ways(1), mine: ways(0))
    lab.run(for: .seconds(10)) { client.phase == .open && lab.opened[1].first?.phase == .open }
    let server = try #require(lab.opened[1].first)
    let transfer = Transfer(lab, size: 100_000)
    try transfer.begin(client, streams: 2)
    lab.run(for: .seconds(60)) { transfer.isDone }
    #expect(transfer.isDone && transfer.wrong == 0)
    #expect(client.error == nil && server.error == nil)
    #expect(client.path.remote.port == 4433 || client.path.remote.port == 4435)
  }

  @Test("leaves the way on which it was done for another, and comes back", arguments: [false, true])
  func migration(wasTried: Bool) throws {
    let lab = try QUICLaboratory()
    let others = wasTried ? [Self.way(to: 1, through: 3)] : []
    let client = try introduce(lab, theirs: [Self.way(to: 1)] + others, mine: [Self.way(to: 0)])
    lab.run(for: .seconds(5))
    let server = try #require(lab.opened[1].first)
    for channel: UInt16 in [3, 0, 3] {
      let transfer = Transfer(lab, size: 200_000)
      try transfer.begin(client, streams: 1)
      try client.migrate(to: Self.way(to: 1, through: channel), at: lab.now)
      lab.drain()
      lab.run(for: .seconds(60)) { transfer.isDone }
      #expect(transfer.isDone && transfer.wrong == 0)
      lab.run(for: .seconds(5))
      #expect(client.channel == channel && client.path == Self.way(to: 1, through: channel))
      #expect(server.path.remote.port == 4433 + channel)
    }
  }

  @Test(
    "does not take the time that it has waited for a way for the way's length: what gets lost then is said again soon"
  )
  func waiting() throws {
    let lab = try QUICLaboratory()
    lab.tap = { _ in false }
    let client = try introduce(lab, theirs: [Self.way(to: 1)], mine: [Self.way(to: 0)])
    lab.run(for: .milliseconds(600))
    let server = try #require(lab.connections[1].first)
    // A way opens, on which what the client says last gets lost.
    var lostAt: Instant?
    lab.tap = { flight in
      guard flight.to == 1, client.phase == .open, lostAt ?? lab.now == lab.now else { return true }
      lostAt = lab.now
      return false
    }
    let opened = lab.now
    client.add(Self.way(to: 1, through: 2), at: lab.now)
    lab.drain()
    lab.run(for: .seconds(5)) { server.phase == .open }
    #expect(lostAt != nil && server.phase == .open)
    #expect(opened.duration(to: lab.now) < .milliseconds(200))
    #expect(client.statistics.leastRoundTrip == lab.oneWay * 2)
  }

  @Test(
    "says its first packet again as long as nothing comes back, ever more seldom, and ends when it is time to"
  )
  func nobodyAnswers() throws {
    let lab = try QUICLaboratory()
    var packets: [(at: Instant, bytes: [UInt8])] = []
    lab.tap = {
      packets.append((lab.now, $0.bytes))
      return false
    }
    let began = lab.now
    let client = try lab.endpoints[0].connectOpenly(to: lab.keys[1].peerID, at: lab.now)
    lab.connections[0].append(client)
    client.add(Self.way(to: 1), at: lab.now)
    lab.drain()
    lab.run(for: .seconds(60)) { !lab.errors[0].isEmpty }
    #expect(lab.errors[0].map(\.code) == [.handshakeTimeout])
    #expect(began.duration(to: lab.now) == .seconds(10))
    #expect(Set(packets.map(\.bytes)).count == 1)
    let pauses = zip(packets.dropFirst(), packets).map { $1.at.duration(to: $0.at) }
    #expect(pauses.count == 5)
    #expect(zip(pauses.dropFirst(), pauses).allSatisfy { $0 == $1 * 2 })
  }

  @Test("is done on another way, where that of the client's last word has ended in that moment")
  func lastWord() throws {
    let lab = try QUICLaboratory()
    let client = try introduce(lab, theirs: [Self.way(to: 1)], mine: [Self.way(to: 0)])
    let server = try #require(lab.connections[1].first)
    lab.tap = { flight in
      client.phase != .open || (flight.to == 0 ? flight.path.remote.port == 4435 : flight.path.channel == 2)
    }
    lab.run(for: .seconds(1))
    #expect(client.phase == .open && !client.isTaken && server.phase == .handshaking)
    let met = lab.now
    client.meet(on: Self.way(to: 1, through: 2), at: lab.now)
    lab.drain()
    lab.run(for: .seconds(5)) { server.phase == .open }
    #expect(met.duration(to: lab.now) == lab.oneWay)
    let transfer = Transfer(lab, size: 100_000)
    try transfer.begin(client, streams: 2)
    lab.run(for: .seconds(60)) { transfer.isDone }
    #expect(transfer.isDone && transfer.wrong == 0 && client.isTaken)
    #expect(client.path.remote.port == 4435 && server.path.remote.port == 4435)
    // What was said then goes one way, and not all.
    let before = lab.sent[0]
    try transfer.begin(client, streams: 1)
    lab.run(for: .seconds(60)) { transfer.isDone }
    client.meet(on: Self.way(to: 1), at: lab.now)
    #expect(client.pollElsewhere() == nil && lab.sent[0] > before)
  }

  @Test("ends for both where it is not the peer that was named")
  func otherPeer() throws {
    let lab = try QUICLaboratory()
    var random = SeededRandom(99)
    let somebody = PrivateKey(using: &random).peerID
    let client = try introduce(
      lab, theirs: [Self.way(to: 1)], mine: [Self.way(to: 0)], as: somebody)
    lab.run(for: .seconds(20))
    #expect(lab.errors[1].map(\.code) == [.wrongPeer(lab.keys[0].peerID)])
    #expect(client.phase == .ended && lab.errors[0].count == 1)
  }

  @Test("is the one connection, where its first packets come twice")
  func twice() throws {
    let lab = try QUICLaboratory()
    let client = try introduce(lab, theirs: [Self.way(to: 1)], mine: [Self.way(to: 0)])
    let flight = client.flight
    let again = try lab.endpoints[1].accept(
      flight, from: lab.keys[0].peerID, over: [Self.way(to: 0)], at: lab.now)
    lab.run(for: .seconds(5))
    #expect(lab.opened[1].count == 1 && lab.opened[1].first === again)
    #expect(lab.endpoints[1].connectionCount == 1)
  }

  @Test("does not begin with what is no first packet")
  func noFlight() throws {
    let lab = try QUICLaboratory()
    for flight in [[], [[]], [[1, 2, 3]], [[UInt8](repeating: 0xC0, count: 1200)]] as [[[UInt8]]] {
      #expect(throws: QUICError.self) {
        try lab.endpoints[1].accept(flight, from: lab.keys[0].peerID, over: [], at: lab.now)
      }
    }
  }
}

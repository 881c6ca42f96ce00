import Testing
import WarrenMachine

@testable import WarrenQUIC

@Suite("A QUIC connection that has asked in vain for long")
struct PatienceTests {
  /// Two of whom one has sent what nobody has heard for 40 seconds, until the network was mended.
  private static func stalled(_ side: Int) throws -> (
    QUICLaboratory, ConnectionCore, ConnectionCore, StreamCore
  ) {
    let lab = try QUICLaboratory { _, configuration in
      configuration.idleTimeout = .seconds(300)
      configuration.answerTimeout = .seconds(60)
    }
    let (client, server) = try lab.connected()
    let (core, other) = side == 0 ? (client, server) : (server, client)
    let stream = try #require(try core.openStream(isBidirectional: false))
    lab.loss = 1
    // As much as may be under way, and more.
    _ = try stream.write([UInt8](repeating: 7, count: 200_000).span.bytes)
    lab.drain()
    lab.run(for: .seconds(40))
    lab.loss = 0
    return (lab, core, other, stream)
  }

  @Test("goes on as soon as something comes", arguments: [0, 1])
  func heard(side: Int) throws {
    let (lab, core, other, stream) = try Self.stalled(side)
    let start = lab.now
    other.sayAlive(every: .milliseconds(500))
    lab.drain()
    lab.run(for: .seconds(30)) { stream.sendBuffer.unacknowledged == 0 }
    #expect(start.duration(to: lab.now) < .seconds(1), "\(start.duration(to: lab.now))")
    #expect(core.phase == .open && stream.sendBuffer.unacknowledged == 0)
  }

  @Test(
    "is at an end where nothing more comes, also if what it has asked last was before that",
    arguments: [0, 1])
  func gone(side: Int) throws {
    let (lab, core, other, _) = try Self.stalled(side)
    let until = lab.now.advanced(by: .milliseconds(500))
    lab.tap = { $0.to == side && lab.now < until }
    other.sayAlive(every: .milliseconds(50))
    lab.drain()
    lab.run(for: .seconds(85))
    #expect(core.phase == .ended && lab.errors[side].first?.code == .idle, "\(lab.errors)")
  }

  @Test("is not at an end where a sign of life got lost, and the other side says later that it is there")
  func signOfLife() throws {
    let lab = try QUICLaboratory { _, configuration in
      configuration.idleTimeout = .seconds(300)
      configuration.answerTimeout = .seconds(60)
    }
    let (client, server) = try lab.connected()
    client.sayAlive(every: .seconds(100))
    server.sayAlive(every: .milliseconds(100_500))
    var isLost = false
    lab.tap = { flight in
      defer { if flight.to == 1 { isLost = true } }
      return flight.to == 0 || isLost
    }
    lab.drain()
    lab.run(for: .seconds(190))
    #expect(isLost)
    #expect(client.phase == .open && server.phase == .open, "\(lab.errors)")
  }

  @Test(
    "asks again where what it has asked then is lost as well, and no later for it",
    arguments: [0, 1])
  func lost(side: Int) throws {
    // The library would by itself, 40 seconds later at most: what is asked before moves that.
    let (lab, core, other, stream) = try Self.stalled(side)
    var lost = 0
    lab.tap = { flight in
      guard flight.to != side, lost < 3 else { return true }
      lost += 1
      return false
    }
    let start = lab.now
    other.sayAlive(every: .milliseconds(500))
    lab.drain()
    lab.run(for: .seconds(60)) { stream.sendBuffer.unacknowledged == 0 }
    #expect(start.duration(to: lab.now) < .seconds(42), "\(start.duration(to: lab.now))")
    #expect(lost == 3 && core.phase == .open && stream.sendBuffer.unacknowledged == 0)
  }

  @Test("does not take its way for as long as the first answers were late")
  func measured() throws {
    let lab = try QUICLaboratory { _, configuration in
      configuration.idleTimeout = .seconds(300)
      configuration.keepAlive = .seconds(2)
      configuration.handshakeTimeout = .seconds(60)
    }
    lab.oneWay = .seconds(3)
    let client = try lab.endpoints[0].connectOpenly(to: lab.keys[1].peerID, at: lab.now)
    lab.connections[0].append(client)
    client.add(NetworkPath(to: QUICLaboratory.address(1)), at: lab.now)
    lab.drain()
    lab.run(for: .seconds(20)) { client.isTaken }
    lab.run(for: .seconds(4))
    let server = try #require(lab.opened[1].first)
    let late = (client.roundTrip, server.roundTrip)
    lab.oneWay = .milliseconds(10)
    lab.run(for: .seconds(20))
    #expect(late.0 > .milliseconds(1500) && late.1 > .milliseconds(1500) && client.isTaken, "\(late)")
    #expect(client.phase == .open && server.phase == .open, "\(lab.errors)")
    #expect(client.roundTrip < .milliseconds(200), "\(client.roundTrip)")
    #expect(server.roundTrip < .milliseconds(200), "\(server.roundTrip)")
  }

  @Test("goes on as soon as it is told that it gets through again", arguments: [0, 1])
  func told(side: Int) throws {
    let (lab, core, _, stream) = try Self.stalled(side)
    let start = lab.now
    core.askNow(at: lab.now)
    lab.drain()
    lab.run(for: .seconds(30)) { stream.sendBuffer.unacknowledged == 0 }
    #expect(start.duration(to: lab.now) < .seconds(1), "\(start.duration(to: lab.now))")
    #expect(core.phase == .open && stream.sendBuffer.unacknowledged == 0)
  }
}

import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenQUIC

@Suite("Hostile traffic to a QUIC endpoint")
struct HostileTests {
  private let attacker = NetworkPath(to: SocketAddress(IPAddress(192, 0, 2, 66), port: 6666))

  /// The first packet of a client that is never heard of again.
  private func initial(_ lab: QUICLaboratory, _ seed: UInt64) throws -> [UInt8] {
    let stranger = try QUICLaboratory(seed: seed + 1000)
    var first: [UInt8] = []
    stranger.tap = { flight in
      if first.isEmpty { first = flight.bytes }
      return false
    }
    try stranger.connect()
    return first
  }

  @Test("a flood of clients from forged addresses costs bounded memory, and the honest one still gets in")
  func flood() throws {
    let lab = try QUICLaboratory()
    for number in 0..<300 {
      let bytes = try initial(lab, UInt64(number))
      let ip = IPAddress(v4: 0xC633_6400 + UInt32(number))
      _ = lab.endpoints[1].receive(
        bytes.span.bytes, on: NetworkPath(to: SocketAddress(ip, port: 9)), ecn: .notCapable, at: lab.now)
      lab.drain()
    }
    let counters = lab.endpoints[1].counters
    #expect(lab.endpoints[1].connectionCount == QUICLimits.handshakesWithoutRetry)
    #expect(counters.retries == 300 - QUICLimits.handshakesWithoutRetry)
    try lab.connect()
    lab.run(for: .seconds(1)) { !lab.opened[1].isEmpty }
    #expect(lab.opened[1].count == 1)
    lab.run(for: .seconds(20))
    #expect(lab.endpoints[1].connectionCount == 1)
  }

  @Test("connections beyond those that there may be are turned away, and those that there are stay")
  func crowd() throws {
    let lab = try QUICLaboratory { side, configuration in if side == 1 { configuration.connections = 3 } }
    for _ in 0..<4 {
      try lab.connect()
      lab.run(for: .seconds(1))
    }
    #expect(lab.opened[1].count == 3 && lab.endpoints[1].counters.refused > 0)
    // RFC 9000, 20.1: CONNECTION_REFUSED.
    #expect(lab.errors == [[QUICError(.transport(2), isRemote: true)], []])
  }

  @Test("no more goes to an address than three times what came from there, until it has proven itself")
  func amplification() throws {
    let lab = try QUICLaboratory()
    var (sent, came) = (0, 0)
    lab.tap = { flight in
      if flight.to == 0 {
        sent += flight.bytes.count
        return false
      }
      // Whatever the client sends again is lost.
      came += 1
      return came == 1
    }
    try lab.connect()
    lab.run(for: .seconds(8))
    #expect(sent > 0 && sent <= 3 * 1200)
  }

  @Test("a retry must be answered with its own token, from its own address")
  func tokens() throws {
    let lab = try QUICLaboratory { side, configuration in configuration.alwaysRetries = side == 1 }
    try lab.connect()
    lab.run(for: .seconds(1)) { !lab.opened[1].isEmpty }
    #expect(lab.opened.map(\.count) == [1, 1])
    #expect(lab.endpoints[1].counters.retries == 1)
    // Somebody sends the same packet from elsewhere.
    var second: [UInt8] = []
    let other = try QUICLaboratory(seed: 7) { side, configuration in configuration.alwaysRetries = side == 1 }
    other.tap = { [unowned other] flight in
      if flight.to == 1, other.endpoints[1].counters.retries == 1, second.isEmpty {
        second = flight.bytes
        return false
      }
      return true
    }
    try other.connect()
    other.run(for: .milliseconds(100))
    #expect(!second.isEmpty)
    _ = other.endpoints[1].receive(second.span.bytes, on: attacker, ecn: .notCapable, at: other.now)
    #expect(other.endpoints[1].connectionCount == 0)
    #expect(other.endpoints[1].counters.refused == 1)
  }

  @Test("a client is not turned away for a token that nobody has handed out")
  func foreignToken() throws {
    let lab = try QUICLaboratory()
    try lab.connect()
    // On the way one bit of the token's length was changed, which is behind the version and two ids.
    var damaged = try #require(lab.flights.first)
    let place = 1 + 4 + 2 * (1 + QUICLimits.idBytes)
    #expect(damaged.bytes[place] == 0)
    damaged.bytes[place] = 16
    lab.deliver(damaged)
    lab.drain()
    lab.run(for: .seconds(1))
    #expect(lab.opened.map(\.count) == [1, 1])
    #expect(lab.endpoints.map(\.connectionCount) == [1, 1])
  }

  @Test(
    "garbage of every kind is dropped, and answered with less than it was", arguments: 0..<20 as Range<UInt64>
  )
  func garbage(seed: UInt64) throws {
    let lab = try QUICLaboratory(seed: seed)
    let (client, server) = try lab.connected()
    var random = SeededRandom(seed)
    var (came, answered) = (0, 0)
    lab.tap = { flight in
      if flight.to == 0 { answered += flight.bytes.count }
      return true
    }
    for _ in 0..<2000 {
      var bytes = random.bytes(Int.random(in: 1...1400, using: &random))
      bytes[0] |= 0x40
      came += bytes.count
      #expect(
        lab.endpoints[1].receive(bytes.span.bytes, on: attacker, ecn: .notCapable, at: lab.now) == .taken)
      lab.drain()
    }
    #expect(answered < came / 3)
    #expect(lab.endpoints[1].connectionCount == 1)
    #expect(client.phase == .open && server.phase == .open)
  }

  @Test(
    "whoever is in the middle and changes, drops, repeats and makes packets gets no byte in",
    arguments: 0..<20 as Range<UInt64>)
  func middle(seed: UInt64) throws {
    let lab = try QUICLaboratory(seed: seed)
    let (client, server) = try lab.connected()
    var seen: [QUICLaboratory.Flight] = []
    var random = SeededRandom(seed)
    lab.tap = { flight in
      seen.append(flight)
      return Int.random(in: 0..<20, using: &random) > 0
    }
    let transfer = Transfer(lab, size: 100_000)
    try transfer.begin(client, streams: 2)
    for _ in 0..<3000 {
      lab.run(for: .milliseconds(1))
      guard var flight = seen.randomElement(using: &random) else { continue }
      switch Int.random(in: 0..<4, using: &random) {
      case 0: break  // as it was
      case 1:
        let place = Int.random(in: flight.bytes.indices, using: &random)
        flight.bytes[place] ^= UInt8.random(in: 1...255, using: &random)
      case 2:
        flight.bytes = Array(flight.bytes.prefix(Int.random(in: 1...flight.bytes.count, using: &random)))
      default:
        for place in 9..<flight.bytes.count { flight.bytes[place] = random.next() }
      }
      lab.deliver(flight)
      lab.drain()
    }
    lab.run(for: .seconds(60)) { transfer.isDone }
    #expect(transfer.isDone && transfer.wrong == 0)
    #expect(client.phase == .open && server.phase == .open)
    #expect(lab.errors == [[], []])
  }

  @Test("a client of another version is told ours, and nobody else's packets are")
  func versions() throws {
    let lab = try QUICLaboratory()
    var bytes = try initial(lab, 1)
    bytes.replaceSubrange(1..<5, with: [0x1A, 0x2A, 0x3A, 0x4A])
    _ = lab.endpoints[1].receive(bytes.span.bytes, on: attacker, ecn: .notCapable, at: lab.now)
    #expect(lab.endpoints[1].counters.otherVersions == 1)
    // One that is too short would have us send more than it did.
    _ = lab.endpoints[1].receive(
      Array(bytes.prefix(200)).span.bytes, on: attacker, ecn: .notCapable, at: lab.now)
    #expect(lab.endpoints[1].counters.otherVersions == 1)
  }

  @Test("what is another protocol's is left to it")
  func others() throws {
    let lab = try QUICLaboratory()
    for first in 0...255 as ClosedRange<UInt8> where first & 0x40 == 0 {
      let bytes: [UInt8] = [first, 1, 2, 3, 4, 5, 6, 7, 8, 9]
      let received = lab.endpoints[1].receive(bytes.span.bytes, on: attacker, ecn: .notCapable, at: lab.now)
      #expect(received == .notQUIC)
    }
    #expect(
      lab.endpoints[1].receive([UInt8]().span.bytes, on: attacker, ecn: .notCapable, at: lab.now) == .notQUIC)
  }

  @Test(
    "what begins as a channel of TURN is left to it only where somebody asks, and never a connection's packet"
  )
  func channels() throws {
    let lab = try QUICLaboratory()
    let server = lab.endpoints[1]
    for first in 0x40...0x7F as ClosedRange<UInt8> {
      for count in [1, 5, 20, 100] {
        let bytes = [first] + [UInt8](repeating: 3, count: count - 1)
        let isChannel = first < 0x50
        var before = server.counters.stray
        #expect(server.receive(bytes.span.bytes, on: attacker, ecn: .notCapable, at: lab.now) == .taken)
        #expect(server.counters.stray == before + 1)
        before = server.counters.stray
        let received = server.receive(
          bytes.span.bytes, on: attacker, ecn: .notCapable, at: lab.now, asksAboutChannels: true)
        #expect(received == (isChannel ? .perhapsChannel : .taken))
        #expect(server.counters.stray == (isChannel ? before : before + 1))
        if isChannel { server.refuse(bytes.span.bytes, on: attacker, at: lab.now) }
        #expect(server.counters.stray == before + 1)
      }
    }
  }
}

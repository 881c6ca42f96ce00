import CQUIC
import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenQUIC

@Suite("The path of a QUIC connection")
struct PathTests {
  /// A client that says something now and then, to a server that knows at which of its addresses it is heard.
  private static func saying() throws -> (QUICLaboratory, ConnectionCore, ConnectionCore, StreamCore) {
    let lab = try QUICLaboratory { _, configuration in
      configuration.idleTimeout = .seconds(300)
      configuration.keepAlive = .seconds(1)
    }
    lab.tellsAddress = true
    let (client, server) = try lab.connected()
    return (lab, client, server, try #require(try client.openStream(isBidirectional: false)))
  }

  /// Both have so much to say as to fill the window, and more.
  private static func fillWindows(
    _ lab: QUICLaboratory, _ client: ConnectionCore, _ server: ConnectionCore
  ) throws -> [StreamCore] {
    let streams = try [client, server].map { try #require(try $0.openStream(isBidirectional: false)) }
    for stream in streams { _ = try stream.write([UInt8](repeating: 7, count: 200_000).span.bytes) }
    lab.drain()
    lab.run(for: .milliseconds(30))
    return streams
  }

  @Test(
    "changes in the middle of a transfer, and nothing is lost", arguments: [false, true],
    1...20 as ClosedRange<UInt64>)
  func migration(atOnce: Bool, seed: UInt64) throws {
    let lab = try QUICLaboratory(seed: seed)
    lab.loss = 0.02
    let (client, server) = try lab.connected()
    let transfer = Transfer(lab, size: 1_000_000)
    try transfer.begin(client, streams: 2)
    lab.run(for: .milliseconds(150))
    #expect(!transfer.isDone)
    try client.migrate(
      to: NetworkPath(to: QUICLaboratory.address(1), through: 3), atOnce: atOnce, at: lab.now)
    lab.drain()
    lab.run(for: .seconds(60)) { transfer.isDone }
    #expect(transfer.isDone && transfer.wrong == 0)
    #expect(client.channel == 3)
    #expect(server.path.remote.port == 4436)
    #expect(client.phase == .open && server.phase == .open)
  }

  @Test("is left as it was, where the new one carries nothing")
  func deadEnd() throws {
    let lab = try QUICLaboratory()
    let (client, _) = try lab.connected()
    lab.tap = { $0.path.remote.port != 4436 && $0.path.channel != 3 }
    try client.migrate(to: NetworkPath(to: QUICLaboratory.address(1), through: 3), at: lab.now)
    lab.drain()
    let transfer = Transfer(lab, size: 100_000)
    try transfer.begin(client, streams: 1)
    lab.run(for: .seconds(30)) { transfer.isDone && !lab.paths.isEmpty }
    #expect(transfer.isDone)
    #expect(lab.paths.contains { !$0.1 && $0.0.channel == 3 })
    #expect(client.channel == 0)
  }

  @Test("is followed when a NAT forgets it and gives another port", arguments: 1...20 as ClosedRange<UInt64>)
  func rebinding(seed: UInt64) throws {
    let lab = try QUICLaboratory(seed: seed)
    let (client, server) = try lab.connected()
    let transfer = Transfer(lab, size: 1_000_000)
    try transfer.begin(client, streams: 1)
    lab.run(for: .milliseconds(120))
    lab.rebinding = 1000
    lab.run(for: .seconds(60)) { transfer.isDone }
    #expect(transfer.isDone && transfer.wrong == 0)
    #expect(server.path.remote.port == 5433)
    #expect(client.phase == .open)
  }

  @Test("is followed when a NAT forgets it again, while the server still asks where it has come from before")
  func rebindingAgain() throws {
    for seed in 1...40 as ClosedRange<UInt64> {
      let lab = try QUICLaboratory(seed: seed)
      lab.tellsAddress = true
      let (client, server) = try lab.connected()
      (lab.oneWay, lab.loss) = (.milliseconds(50), 0.2)
      let stream = try #require(try client.openStream(isBidirectional: false))
      for turn in 1...12 as ClosedRange<UInt16> {
        lab.rebinding = turn * 100
        // So much that the server may ask with a packet of full size (RFC 9000, 8.1).
        for _ in 0..<4 {
          _ = try stream.write([UInt8](repeating: UInt8(turn), count: 600).span.bytes)
          lab.drain()
          lab.run(for: .milliseconds(75))
        }
      }
      lab.loss = 0
      lab.run(for: .seconds(10))
      #expect(client.phase == .open && server.phase == .open, "seed \(seed): \(lab.errors)")
      #expect(server.path.remote.port == 4433 + 1200, "seed \(seed)")
    }
  }

  @Test(
    "is left at once where nothing gets through any more to the other side, whose window is full as well",
    arguments: 1...8)
  func fullWindows(seconds: Int) throws {
    let lab = try QUICLaboratory()
    let (client, server) = try lab.connected()
    lab.onTouched = { _, stream in _ = stream.read() }
    let streams = try Self.fillWindows(lab, client, server)
    lab.tap = { $0.to == 0 || $0.path.remote.port != 4433 }
    lab.run(for: .seconds(seconds))
    #expect(streams.allSatisfy { $0.sendBuffer.unacknowledged > 0 })
    try client.migrate(to: NetworkPath(to: QUICLaboratory.address(1), through: 3), at: lab.now)
    lab.drain()
    lab.run(for: .seconds(1)) { client.channel == 3 }
    #expect(client.channel == 3)
    lab.run(for: .seconds(5))
    #expect(streams.allSatisfy { $0.sendBuffer.unacknowledged == 0 })
  }

  @Test(
    "is asked for anew where a server has said all that it may on it, and nothing came",
    arguments: [4500, 4700, 4800, 4900, 5100])
  func unprovenAndFull(bytes: Int) throws {
    // It may send three times what it has got: the window, and not both packets that ask for what is in it.
    let lab = try QUICLaboratory { _, configuration in configuration.idleTimeout = .seconds(300) }
    lab.tellsAddress = true
    lab.largest = 1200
    let (client, server) = try lab.connected()
    lab.onTouched = { _, stream in _ = stream.read() }
    let upwards = try #require(try client.openStream(isBidirectional: false))
    let downwards = try #require(try server.openStream(isBidirectional: false))
    _ = try downwards.write([UInt8](repeating: 7, count: 200_000).span.bytes)
    lab.drain()
    lab.run(for: .milliseconds(30))
    lab.rebinding = 100
    _ = try upwards.write([UInt8](repeating: 8, count: bytes).span.bytes)
    lab.drain()
    lab.tap = { _ in false }
    lab.run(for: .seconds(5))
    lab.tap = { _ in true }
    lab.run(for: .seconds(20))
    #expect(client.phase == .open && server.phase == .open, "\(lab.errors)")
    #expect(upwards.sendBuffer.unacknowledged == 0 && downwards.sendBuffer.unacknowledged == 0)
  }

  @Test("is not given up where a server asks in vain whether a new one carries large packets")
  func lostProof() throws {
    let (lab, client, server, stream) = try Self.saying()
    // What has come is too little for the server to ask with a packet of full size, and later nothing of that size gets through to
    // the client, for longer than the library asks.
    var (until, gaveUp) = (lab.now, 0)
    lab.tap = { $0.to == 1 || $0.bytes.count < 600 || lab.now >= until }
    for turn in 1...4 as ClosedRange<UInt16> {
      lab.rebinding = turn * 100
      until = lab.now.advanced(by: .seconds(8))
      for _ in 0..<140 {
        _ = try stream.write([UInt8](repeating: UInt8(turn), count: 20).span.bytes)
        lab.drain()
        let hadPath = !server.hasNoPath
        lab.run(for: .milliseconds(75))
        if hadPath, server.hasNoPath { gaveUp += 1 }
      }
    }
    lab.run(for: .seconds(10))
    #expect(gaveUp > 0)
    #expect(client.phase == .open && server.phase == .open, "\(lab.errors)")
    #expect(server.path.remote.port == 4433 + 400 && stream.sendBuffer.unacknowledged == 0)
  }

  @Test("is no other one where somebody says again, from elsewhere, what has come before")
  func replayed() throws {
    let lab = try QUICLaboratory { _, configuration in configuration.idleTimeout = .seconds(30) }
    lab.tellsAddress = true
    let (client, server) = try lab.connected()
    var heard: [QUICLaboratory.Flight] = []
    lab.tap = {
      if $0.to == 1 { heard.append($0) }
      return true
    }
    _ = try Self.fillWindows(lab, client, server)
    try #require(!heard.isEmpty)
    lab.tap = { _ in false }
    lab.run(for: .seconds(3))
    #expect(cquic_congestion_window_left(server.handle) == 0)
    let before = lab.sent[1]
    for turn in 0..<200 {
      var flight = heard[turn % heard.count]
      flight.path = NetworkPath(
        to: SocketAddress(IPAddress(10, 0, 0, 9), port: UInt16(1000 + turn)), from: flight.path.local,
        through: 5)
      if turn.isMultiple(of: 2) { flight.bytes[flight.bytes.count - 1] ^= 1 }
      lab.deliver(flight)
      lab.drain()
      lab.run(for: .milliseconds(50))
    }
    #expect(server.phase == .open, "half as long as was agreed, at least: \(lab.errors)")
    #expect(lab.sent[1] - before < 400, "\(lab.sent[1] - before)")
    lab.run(for: .seconds(20))
    #expect(server.phase != .open)
  }

  @Test("is given up in the end where it never carries large packets to the client")
  func neverLarge() throws {
    let (lab, client, server, stream) = try Self.saying()
    lab.tap = { $0.to == 1 || $0.bytes.count < 600 }
    lab.rebinding = 100
    for _ in 0..<3000 where client.phase == .open && server.phase == .open {
      _ = try stream.write([UInt8](repeating: 7, count: 20).span.bytes)
      lab.drain()
      lab.run(for: .milliseconds(75))
    }
    #expect(server.phase != .open && !lab.errors[1].isEmpty)
  }

  @Test("stays as it is where a server sends datagrams as fast as it may, and some get lost")
  func datagrams() throws {
    let lab = try QUICLaboratory { _, configuration in configuration.idleTimeout = .seconds(300) }
    let (client, server) = try lab.connected()
    lab.loss = 0.01
    var fullWindows = 0
    for _ in 0..<4000 {
      while try server.send(datagram: [UInt8](repeating: 7, count: 1000)) {}
      lab.drain()
      if cquic_congestion_window_left(server.handle) == 0 { fullWindows += 1 }
      lab.run(for: .milliseconds(5))
    }
    #expect(fullWindows > 0)
    #expect(lab.paths.isEmpty && !server.names.hasMoved)
    #expect(client.phase == .open && server.phase == .open)
  }

  @Test("is proven also where the server has no id left for it: what it says goes the way that was left")
  func outOfIDs() throws {
    let (lab, client, server, stream) = try Self.saying()
    var isCut = true
    lab.tap = { !isCut || $0.to == 1 || $0.path.channel == 0 }
    for channel in 1...6 as ClosedRange<UInt16> {
      try client.migrate(
        to: NetworkPath(to: QUICLaboratory.address(1), through: channel), atOnce: true, at: lab.now)
      lab.drain()
      lab.run(for: .seconds(3))
    }
    isCut = false
    _ = try stream.write([1, 2, 3].span.bytes)
    lab.drain()
    lab.run(for: .seconds(20))
    #expect(server.path.remote.port == 4439 && stream.sendBuffer.unacknowledged == 0)
    #expect(client.phase == .open && server.phase == .open, "\(lab.errors)")
  }

  @Test("is proven also where less leaves than did before, and nothing large has been sent since")
  func proofTooLarge() throws {
    let lab = try QUICLaboratory { _, configuration in configuration.idleTimeout = .seconds(300) }
    lab.tellsAddress = true
    let (client, server) = try lab.connected()
    let stream = try #require(try client.openStream(isBidirectional: false))
    try #require(client.statistics.packetSize > 1300)
    (lab.largestToLeave, lab.rebinding) = (1252, 100)
    var ports: [UInt16] = []
    for _ in 0..<40 {
      _ = try stream.write([UInt8](repeating: 7, count: 300).span.bytes)
      lab.drain()
      for _ in 0..<5 {
        lab.run(for: .milliseconds(100))
        ports.append(server.path.remote.port)
      }
    }
    #expect(ports.dropFirst(2).allSatisfy { $0 == 4533 }, "\(ports)")
    #expect(stream.sendBuffer.unacknowledged == 0)
  }

  /// How often a path changes there and back.
  enum Flapping: CaseIterable {
    case often, tooOften

    var pauses: ClosedRange<Int> { self == .often ? 40...120 : 1...30 }
  }

  /// Who changes it.
  enum Changer: CaseIterable {
    case client, nat, both
  }

  @Test(
    "is followed there and back again, before the new one is proven, whoever has changed it",
    arguments: Flapping.allCases, Changer.allCases)
  func thereAndBack(flapping: Flapping, by changer: Changer) throws {
    for seed in 1...10 as ClosedRange<UInt64> {
      let lab = try QUICLaboratory(seed: seed)
      lab.jitter = .milliseconds(5)
      let (client, server) = try lab.connected()
      let stream = try #require(try client.openStream(isBidirectional: false))
      var random = SeededRandom(seed)
      for turn in 1...60 where client.phase == .open {
        if changer == .nat || changer == .both && Bool.random(using: &random) {
          lab.rebinding = lab.rebinding == 0 ? 1000 : 0
        } else {
          let path = NetworkPath(to: QUICLaboratory.address(1), through: turn % 2 == 0 ? 0 : 3)
          // Before the last change is done with it may be refused.
          try? client.migrate(to: path, atOnce: true, at: lab.now)
        }
        // Few bytes: the server may not answer with many (RFC 9000, 8.1), and its question is a short one.
        for _ in 0..<Int.random(in: 1...4, using: &random) where client.phase == .open {
          _ = try stream.write([UInt8(turn)].span.bytes)
          lab.drain()
          lab.run(for: .milliseconds(Int.random(in: flapping.pauses, using: &random)))
        }
      }
      lab.run(for: .seconds(5))
      // Who changes faster than the other can ask may have to connect again, but never ends the other's program.
      var (one, other) = (client, server)
      if flapping == .tooOften, client.phase != .open || server.phase != .open {
        lab.opened[1] = []
        (one, other) = try lab.connected()
      }
      #expect(one.phase == .open && other.phase == .open, "seed \(seed): \(lab.errors)")
      let transfer = Transfer(lab, size: 100_000)
      try transfer.begin(one, streams: 1)
      lab.run(for: .seconds(60)) { transfer.isDone }
      #expect(transfer.isDone && transfer.wrong == 0, "seed \(seed)")
    }
  }

  @Test("is not the server's to choose (RFC 9000, 9)")
  func server() throws {
    let lab = try QUICLaboratory()
    let (_, server) = try lab.connected()
    #expect(throws: QUICError.self) {
      try server.migrate(to: NetworkPath(to: QUICLaboratory.address(0), through: 3), at: lab.now)
    }
  }

  @Test("keys change under way, as often as both like")
  func keys() throws {
    // So slow that there is time for some.
    let lab = try QUICLaboratory { _, configuration in
      (configuration.streamWindow, configuration.largestStreamWindow) = (30_000, 30_000)
    }
    let (client, server) = try lab.connected()
    let transfer = Transfer(lab, size: 2_000_000)
    try transfer.begin(client, streams: 1)
    var changes = 0
    for turn in 0..<200 where !transfer.isDone {
      lab.run(for: .milliseconds(20))
      if (turn % 2 == 0 ? client : server).updateKeys(at: lab.now) { changes += 1 }
      lab.drain()
    }
    lab.run(for: .seconds(30)) { transfer.isDone }
    #expect(transfer.isDone && transfer.wrong == 0 && changes > 2)
  }
}

@Suite("What a QUIC connection tells of itself")
struct TellingTests {
  /// What was told, by whom it concerns.
  private final class Told: @unchecked Sendable {
    // One thread alone runs a laboratory.
    var qlog: [String: String] = [:]
    var secrets: [String] = []
  }

  @Test("is qlog, and the secrets of TLS, when somebody asks for them")
  func asked() throws {
    let told = Told()
    let lab = try QUICLaboratory { side, configuration in
      configuration.qlog = { name, isClient in
        #expect(isClient == (side == 0))
        return { bytes in told.qlog["\(side) \(name)", default: ""] += String(decoding: bytes, as: UTF8.self)
        }
      }
      configuration.keyLog = { told.secrets.append($0) }
    }
    let (client, _) = try lab.connected()
    client.close(at: lab.now)
    lab.drain()
    lab.run(for: .seconds(5))
    // Both sides call the connection by the same name.
    #expect(told.qlog.count == 2)
    #expect(Set(told.qlog.keys.map { $0.dropFirst(2) }).count == 1)
    for text in told.qlog.values {
      #expect(text.contains("qlog_version") && text.contains("packet_sent"), "\(text.prefix(300))")
    }
    for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_TRAFFIC_SECRET_0 "] {
      let lines = told.secrets.filter { $0.hasPrefix(label) }
      // The label, 32 bytes of the client's chance and the secret, in hexadecimal; the same on both sides.
      #expect(lines.count == 2 && lines[0] == lines[1])
      let words = (lines.first ?? "").split(separator: " ")
      #expect(words.count == 3 && words[1].count == 64 && words[2].count >= 64)
    }
  }

  @Test("is nothing, when nobody does")
  func unasked() throws {
    let lab = try QUICLaboratory()
    let (client, _) = try lab.connected()
    #expect(client.qlog == nil && client.keyLog == nil)
  }
}

import TestSupport
import Testing
import WarrenCrypto
import WarrenEventLoop
import WarrenMachine

@testable import WarrenQUIC

@Suite("A QUIC client that comes back")
struct EarlyTests {
  /// Two who have met, and parted.
  private func met(
    seed: UInt64 = 1, earlyWindow: Duration = QUICLimits.earlyWindow,
    _ change: (Int, inout QUICConfiguration) -> Void = { _, _ in }
  ) throws -> QUICLaboratory {
    let lab = try QUICLaboratory(seed: seed, earlyWindow: earlyWindow) { side, configuration in
      configuration.permitsEarlyData = true
      change(side, &configuration)
    }
    let (client, _) = try lab.connected()
    client.close(at: lab.now)
    lab.drain()
    lab.run(for: .seconds(5))
    #expect(lab.endpoints.map(\.connectionCount) == [0, 0])
    (lab.opened, lab.errors) = ([[], []], [[], []])
    return lab
  }

  /// What the second side is asked, and by when.
  private final class Requests {
    var read: [UInt8] = []
    var answered: [UInt8] = []
    var firstAt: Instant?
    var answerAt: Instant?

    init(_ lab: QUICLaboratory) {
      lab.onTouched = { [unowned self, unowned lab] side, stream in
        let bytes = stream.read()
        if side == 0 {
          answered += bytes
          if !bytes.isEmpty, answerAt == nil { answerAt = lab.now }
          return
        }
        if !bytes.isEmpty, firstAt == nil { firstAt = lab.now }
        read += bytes
        _ = try? stream.write(bytes.span.bytes)
        if stream.isAtEnd, stream.isWritable { try? stream.finish() }
      }
    }
  }

  private func ask(_ core: ConnectionCore, _ text: String) throws {
    let stream = try #require(try core.openStream())
    _ = try stream.write(Array(text.utf8).span.bytes)
    try stream.finish()
  }

  /// Somebody else sends all of it again.
  private func play(_ recorded: [QUICLaboratory.Flight], to lab: QUICLaboratory) {
    for var flight in recorded {
      flight.path.remote = SocketAddress(IPAddress(192, 0, 2, 66), port: 6666)
      lab.deliver(flight)
      lab.drain()
    }
    lab.run(for: .seconds(15))
  }

  @Test("is heard with its first packet, and answered after one round trip")
  func early() throws {
    let lab = try met()
    let requests = Requests(lab)
    let start = lab.now
    let client = try lab.connect(early: true) { client in
      #expect(client.carriesStreams && client.phase == .handshaking)
      try ask(client, "Hello!")
    }
    lab.run(for: .seconds(1)) { requests.answerAt != nil }
    #expect(requests.firstAt.map { start.duration(to: $0) } == .milliseconds(10))
    #expect(requests.answerAt.map { start.duration(to: $0) } == .milliseconds(20))
    #expect(String(decoding: requests.answered, as: UTF8.self) == "Hello!")
    lab.run(for: .seconds(1))
    let server = try #require(lab.opened[1].first)
    #expect(client.phase == .open && server.phase == .open && !client.earlyDataWasRefused)
    #expect(client.peer == lab.keys[1].peerID && server.peer == lab.keys[0].peerID)
    #expect(client.protocolName == "warren-test" && server.protocolName == "warren-test")
    #expect(lab.opened.map(\.count) == [1, 1])
  }

  @Test("waits as everybody does, where they never met, or do not permit it", arguments: [0, 1, 2])
  func unknown(case number: Int) throws {
    let lab =
      number == 0
      ? try QUICLaboratory { $1.permitsEarlyData = true }
      : try met { side, configuration in if side == number - 1 { configuration.permitsEarlyData = false } }
    let client = try lab.connect(early: true)
    #expect(try !client.carriesStreams && client.openStream() == nil)
    lab.run(for: .seconds(1))
    #expect(client.phase == .open && !client.earlyDataWasRefused)
    #expect(try client.openStream() != nil)
  }

  @Test("is told that nothing was taken, by one who has forgotten it, and goes on")
  func refused() throws {
    let lab = try met()
    // Its program was restarted: it has the same key, and knows nobody.
    var configuration = QUICConfiguration(protocols: ["warren-test"])
    configuration.permitsEarlyData = true
    lab.endpoints[1] = EndpointCore(try QUICIdentity(lab.keys[1]), configuration, random: SeededRandom(5))
    let requests = Requests(lab)
    var early: StreamCore?
    let client = try lab.connect(early: true) { client in
      early = try client.openStream()
      _ = try early?.write(Array("Hello!".utf8).span.bytes)
    }
    lab.run(for: .seconds(1))
    #expect(client.phase == .open && client.earlyDataWasRefused)
    let error = QUICError(.earlyDataRefused, isRemote: true)
    #expect(early?.readError == error)
    #expect(throws: error) { _ = try early?.write([1].span.bytes) }
    #expect(requests.read.isEmpty)
    try ask(client, "Once more!")
    lab.drain()
    lab.run(for: .seconds(1))
    #expect(String(decoding: requests.answered, as: UTF8.self) == "Once more!")
  }

  @Test("is not let in when it is not wanted any more, and none of its streams is seen")
  func unwanted() throws {
    nonisolated(unsafe) var isWanted = true
    let lab = try met { side, configuration in
      if side == 1 { configuration.accepts = { _ in isWanted } }
    }
    isWanted = false
    lab.streams = [[], []]
    let client = try lab.connect(early: true) { try ask($0, "Hello!") }
    lab.run(for: .seconds(5))
    #expect(lab.streams[1].isEmpty && lab.opened[1].isEmpty)
    #expect(client.error == QUICError(.tls(42), isRemote: true))
    #expect(lab.endpoints.map(\.connectionCount) == [0, 0])
  }

  @Test("cannot be played by whoever has recorded it")
  func replayed() throws {
    let lab = try met()
    let requests = Requests(lab)
    var recorded: [QUICLaboratory.Flight] = []
    lab.tap = { flight in
      if flight.to == 1 { recorded.append(flight) }
      return true
    }
    try lab.connect(early: true) { try ask($0, "Pay 10!") }
    lab.run(for: .seconds(1))
    #expect(String(decoding: requests.read, as: UTF8.self) == "Pay 10!")
    lab.connections[0][1].close(at: lab.now)
    lab.drain()
    lab.run(for: .seconds(5))
    lab.tap = { _ in true }
    play(recorded, to: lab)
    #expect(String(decoding: requests.read, as: UTF8.self) == "Pay 10!")
  }

  /// GnuTLS counts by this computer's clock, and anew when a window is over.
  @Test("cannot be played later either")
  func later() async throws {
    let machine = LocalMachine(name: "clock")
    let lab = try met(earlyWindow: .seconds(3))
    let requests = Requests(lab)
    try await machine.run { try await machine.sleep(for: .milliseconds(2200)) }
    var recorded: [QUICLaboratory.Flight] = []
    lab.tap = { flight in
      if flight.to == 1 { recorded.append(flight) }
      return true
    }
    let client = try lab.connect(early: true) { try ask($0, "Pay 10!") }
    lab.run(for: .milliseconds(15))
    lab.tap = { _ in true }
    lab.run(for: .seconds(1))
    #expect(String(decoding: requests.read, as: UTF8.self) == "Pay 10!" && !client.earlyDataWasRefused)
    client.close(at: lab.now)
    lab.drain()
    lab.run(for: .seconds(5))
    #expect(lab.endpoints[1].connectionCount == 0)
    try await machine.run { try await machine.sleep(for: .milliseconds(1200)) }
    play(recorded, to: lab)
    #expect(String(decoding: requests.read, as: UTF8.self) == "Pay 10!")
    await machine.close()
  }

  @Test("sends a datagram with its first packets, which does not hold up streams")
  func datagram() throws {
    let lab = try met()
    let start = lab.now
    var firstAt: Instant?
    lab.onTouched = { [unowned lab] side, s in
      if side == 1, firstAt == nil, !s.read().isEmpty { firstAt = lab.now }
    }
    var sent = 0
    lab.onDatagram = { _, _ in sent += 1 }
    try lab.connect(early: true) { client in
      let n = client.datagramCapacity
      #expect(try client.send(datagram: [UInt8](repeating: 1, count: n)))
      let s = try #require(try client.openStream())
      _ = try s.write([1, 2, 3].span.bytes)
    }
    lab.run(for: .seconds(2))
    #expect(sent == 1)
    #expect(firstAt.map { start.duration(to: $0) } == .milliseconds(10))
  }

  @Test("loses nothing where packets are lost", arguments: 1...30 as ClosedRange<UInt64>)
  func lossy(seed: UInt64) throws {
    let lab = try met(seed: seed)
    lab.loss = 0.2
    lab.jitter = .milliseconds(5)
    let requests = Requests(lab)
    let text = String(repeating: "Hello! ", count: 5000)
    let client = try lab.connect(early: true) { try ask($0, text) }
    lab.run(for: .seconds(60)) { requests.answered.count == text.utf8.count }
    #expect(requests.answered.count == text.utf8.count && client.phase == .open)
    #expect(String(decoding: requests.answered, as: UTF8.self) == text)
  }
}

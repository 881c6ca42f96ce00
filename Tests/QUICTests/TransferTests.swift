import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenQUIC

/// Bytes that say where they belong, so that one that is missing or comes twice is noticed.
struct Pattern {
  static func byte(_ stream: Int64, _ place: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: (place &* 2_654_435_761) >> 13 ^ Int(stream))
  }

  static func bytes(_ stream: Int64, _ range: Range<Int>) -> [UInt8] { range.map { byte(stream, $0) } }
}

/// Sends so many bytes on some streams, there or there and back, and checks what comes out.
final class Transfer {
  let lab: QUICLaboratory
  let size: Int
  private let comesBack: Bool
  private var toSendBack: [Int64: [UInt8]] = [:]
  private var written: [Int64: Int] = [:]
  private(set) var read: [Int64: Int] = [:]
  private(set) var ended: Set<Int64> = []
  private(set) var wrong = 0

  init(_ lab: QUICLaboratory, size: Int, comesBack: Bool = false) {
    self.lab = lab
    self.size = size
    self.comesBack = comesBack
    lab.onTouched = { [unowned self] side, stream in
      if side == 0 { write(stream) } else if comesBack { sendBack(stream) }
      if (side == 0) == comesBack { take(stream) }
    }
  }

  func begin(_ core: ConnectionCore, streams count: Int) throws {
    for _ in 0..<count {
      let stream = try #require(try core.openStream(isBidirectional: comesBack))
      written[stream.id] = 0
      write(stream)
    }
    lab.drain()
  }

  private func write(_ stream: StreamCore) {
    guard var place = written[stream.id], place < size else { return }
    while place < size, stream.writeCapacity > 0 {
      let bytes = Pattern.bytes(stream.id, place..<min(size, place + 10_000))
      guard let count = try? stream.write(bytes.span.bytes) else { return }
      place += count
    }
    written[stream.id] = place
    if place == size { try? stream.finish() }
  }

  private func sendBack(_ stream: StreamCore) {
    var bytes = toSendBack[stream.id] ?? []
    if bytes.count < 100_000 { bytes += stream.read() }
    let count = (try? stream.write(bytes.span.bytes)) ?? 0
    bytes.removeFirst(count)
    toSendBack[stream.id] = bytes
    if bytes.isEmpty, stream.isAtEnd, stream.isWritable { try? stream.finish() }
  }

  private func take(_ stream: StreamCore) {
    let bytes = stream.read()
    let place = read[stream.id, default: 0]
    for (offset, byte) in bytes.enumerated() where byte != Pattern.byte(stream.id, place + offset) {
      wrong += 1
    }
    read[stream.id] = place + bytes.count
    if stream.isAtEnd { ended.insert(stream.id) }
  }

  var isDone: Bool { ended.count == written.count && read.values.allSatisfy { $0 == size } }
}

@Suite("A transfer over QUIC")
struct TransferTests {
  /// What the network does to packets.
  enum Network: CaseIterable {
    case clean, lossy, veryLossy, reordering, duplicating, corrupting, everything

    func apply(to lab: QUICLaboratory) {
      switch self {
      case .clean: break
      case .lossy: lab.loss = 0.02
      case .veryLossy: lab.loss = 0.2
      case .reordering: lab.jitter = .milliseconds(20)
      case .duplicating: lab.duplication = 0.3
      case .corrupting: lab.corruption = 0.05
      case .everything:
        (lab.loss, lab.duplication, lab.corruption) = (0.05, 0.05, 0.05)
        lab.jitter = .milliseconds(10)
      }
    }
  }

  @Test(
    "arrives whole and once, whatever the network does", arguments: Network.allCases,
    1...15 as ClosedRange<UInt64>)
  func whole(network: Network, seed: UInt64) throws {
    let lab = try QUICLaboratory(seed: seed)
    let (client, server) = try lab.connected()
    network.apply(to: lab)
    let transfer = Transfer(lab, size: 150_000)
    try transfer.begin(client, streams: 3)
    lab.run(for: .seconds(120)) { transfer.isDone }
    #expect(transfer.isDone && transfer.wrong == 0, "\(transfer.read)")
    // All is acknowledged in the end, and nothing is kept.
    lab.run(for: .seconds(20))
    #expect(client.streams.isEmpty && server.streams.isEmpty)
  }

  @Test("begins where the handshake's packets are lost as well", arguments: 1...60 as ClosedRange<UInt64>)
  func handshake(seed: UInt64) throws {
    let lab = try QUICLaboratory(seed: seed)
    lab.loss = 0.2
    lab.jitter = .milliseconds(5)
    try lab.connect()
    lab.run(for: .seconds(10)) { !lab.opened[0].isEmpty && !lab.opened[1].isEmpty }
    #expect(lab.opened.map(\.count) == [1, 1])
    #expect(lab.errors == [[], []])
  }

  @Test("takes a thousand streams at once")
  func streams() throws {
    let lab = try QUICLaboratory { _, configuration in configuration.unidirectionalStreams = 1000 }
    let (client, server) = try lab.connected()
    #expect(client.streamsLeft(isBidirectional: false) == 1000)
    let transfer = Transfer(lab, size: 3000)
    try transfer.begin(client, streams: 1000)
    #expect(try client.openStream(isBidirectional: false) == nil)
    lab.run(for: .seconds(60)) { transfer.isDone }
    #expect(transfer.isDone && transfer.wrong == 0)
    lab.run(for: .seconds(10))
    // What has ended makes room for others.
    #expect(client.streamsLeft(isBidirectional: false) == 1000)
    #expect(server.streams.isEmpty)
  }

  @Test("holds no more of what nobody reads than the window, and goes on when somebody does")
  func window() throws {
    let lab = try QUICLaboratory { _, configuration in
      configuration.streamWindow = 50_000
      configuration.largestStreamWindow = 50_000
    }
    let (client, _) = try lab.connected()
    let stream = try #require(try client.openStream(isBidirectional: false))
    var written = 0
    lab.onTouched = { side, stream in
      guard side == 0 else { return }
      while stream.writeCapacity > 0 {
        written += (try? stream.write(Pattern.bytes(0, written..<written + 20_000).span.bytes)) ?? 0
      }
    }
    lab.onTouched(0, stream)
    lab.drain()
    lab.run(for: .seconds(10))
    let arrived = try #require(lab.streams[1].first)
    #expect(arrived.readableCount == 50_000)
    #expect(written <= 50_000 + QUICLimits.unsentBytes + 20_000)
    var read = 0
    lab.onTouched = { side, stream in
      if side == 0 {
        while written < 500_000, stream.writeCapacity > 0 {
          let bytes = Pattern.bytes(0, written..<min(500_000, written + 20_000))
          written += (try? stream.write(bytes.span.bytes)) ?? 0
        }
        if written >= 500_000 { try? stream.finish() }
      } else {
        read += stream.read().count
      }
    }
    read += arrived.read().count
    lab.onTouched(0, stream)
    lab.drain()
    lab.run(for: .seconds(60)) { arrived.isAtEnd }
    #expect(arrived.isAtEnd && read == written)
  }

  @Test("goes on where datagrams have filled the window, and all of them are lost", arguments: [false, true])
  func lostDatagrams(isAlone: Bool) throws {
    let lab = try QUICLaboratory()
    let (client, _) = try lab.connected()
    lab.run(for: .seconds(1))
    lab.loss = 1
    for _ in 0..<100 { #expect(try client.send(datagram: [UInt8](repeating: 1, count: 1000))) }
    lab.drain()
    lab.loss = 0
    if isAlone {
      var arrived = 0
      lab.onDatagram = { _, _ in arrived += 1 }
      lab.run(for: .seconds(1))
      // The first that filled the window are lost; the others come once that is known.
      #expect(arrived > 50)
      return
    }
    let transfer = Transfer(lab, size: 100_000)
    try transfer.begin(client, streams: 1)
    lab.run(for: .seconds(10)) { transfer.isDone }
    #expect(transfer.isDone && transfer.wrong == 0)
  }

  @Test("goes on where the path carries less than before", arguments: 1...10 as ClosedRange<UInt64>)
  func shrinking(seed: UInt64) throws {
    let lab = try QUICLaboratory(seed: seed)
    let (client, _) = try lab.connected()
    let transfer = Transfer(lab, size: 6_000_000)
    try transfer.begin(client, streams: 1)
    lab.run(for: .milliseconds(150))
    #expect(client.statistics.packetSize > 1400 && lab.sentBytes[0] < 6_000_000)
    // What every path of QUIC must carry (RFC 9000, 14).
    lab.largest = 1200
    lab.run(for: .seconds(120)) { transfer.isDone }
    #expect(transfer.isDone && transfer.wrong == 0, "\(transfer.read) \(client.phase) \(lab.errors)")
    #expect(client.statistics.packetSize == 1200)
  }
}

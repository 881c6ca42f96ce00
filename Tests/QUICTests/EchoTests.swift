import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenQUIC

/// Streams that carry much both ways at once, over a way that loses packets: packets with lost bytes of some streams and
/// wider windows for others.
@Suite("An echo over QUIC")
struct EchoTests {
  /// Sends so many bytes on some streams, and back what arrives there.
  private final class Echo {
    let lab: QUICLaboratory
    let size: Int
    private var written: [Int64: Int] = [:]
    private var toSendBack: [Int64: [UInt8]] = [:]
    private(set) var read: [Int64: Int] = [:]
    private(set) var ended: Set<Int64> = []
    private(set) var wrong = 0

    init(_ lab: QUICLaboratory, size: Int) {
      self.lab = lab
      self.size = size
      lab.onTouched = { [unowned self] side, stream in side == 0 ? ask(stream) : answer(stream) }
    }

    func begin(_ core: ConnectionCore, streams count: Int) throws {
      for _ in 0..<count {
        let stream = try #require(try core.openStream())
        written[stream.id] = 0
        ask(stream)
      }
      lab.drain()
    }

    private func ask(_ stream: StreamCore) {
      var place = written[stream.id]!
      while place < size, stream.writeCapacity > 0 {
        let bytes = Pattern.bytes(stream.id, place..<min(size, place + 10_000))
        guard let count = try? stream.write(bytes.span.bytes) else { return }
        place += count
        if place == size { try? stream.finish() }
      }
      written[stream.id] = place
      let bytes = stream.read()
      let start = read[stream.id, default: 0]
      for (offset, byte) in bytes.enumerated() where byte != Pattern.byte(stream.id, start + offset) {
        wrong += 1
      }
      read[stream.id] = start + bytes.count
      if stream.isAtEnd { ended.insert(stream.id) }
    }

    private func answer(_ stream: StreamCore) {
      var bytes = toSendBack[stream.id] ?? []
      if bytes.count < 100_000 { bytes += stream.read() }
      let count = (try? stream.write(bytes.span.bytes)) ?? 0
      bytes.removeFirst(count)
      toSendBack[stream.id] = bytes
      if bytes.isEmpty, stream.isAtEnd, stream.isWritable { try? stream.finish() }
    }

    var isDone: Bool { ended.count == written.count && read.values.allSatisfy { $0 == size } }
  }

  // With the first four, ngtcp2 0.12 told of windows that it did not know of.
  @Test("comes back whole where packets are lost", arguments: [6, 26, 28, 36, 37, 38] as [UInt64])
  func lossy(seed: UInt64) throws {
    let lab = try QUICLaboratory(seed: seed) { _, configuration in configuration.streamWindow = 16_384 }
    lab.oneWay = .milliseconds(1)
    let (client, _) = try lab.connected()
    lab.loss = 0.03
    let echo = Echo(lab, size: 300_000)
    try echo.begin(client, streams: 20)
    lab.run(for: .seconds(120)) { echo.isDone || !lab.errors.joined().isEmpty }
    #expect(echo.isDone && echo.wrong == 0, "\(echo.read) \(lab.errors)")
  }
}

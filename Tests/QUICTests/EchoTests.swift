import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenQUIC

/// Streams that carry much both ways at once, over a way that loses packets: packets with lost bytes of some streams and
/// wider windows for others.
@Suite("An echo over QUIC")
struct EchoTests {
  // With 36, and with the others when they were found, ngtcp2 0.12 told of windows that it did not know of.
  @Test("comes back whole where packets are lost", arguments: [6, 26, 28, 36, 37, 38] as [UInt64])
  func lossy(seed: UInt64) throws {
    let lab = try QUICLaboratory(seed: seed) { _, configuration in configuration.streamWindow = 16_384 }
    lab.oneWay = .milliseconds(1)
    let (client, _) = try lab.connected()
    lab.loss = 0.03
    let echo = Transfer(lab, size: 300_000, comesBack: true)
    try echo.begin(client, streams: 20)
    lab.run(for: .seconds(120)) { echo.isDone || !lab.errors.joined().isEmpty }
    #expect(echo.isDone && echo.wrong == 0, "\(echo.read) \(lab.errors)")
  }
}

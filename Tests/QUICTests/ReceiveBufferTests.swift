import TestSupport
import Testing

@testable import WarrenQUIC

@Suite("What has arrived on a stream")
struct ReceiveBufferTests {
  @Test("comes out in order, in whatever pieces it is taken", arguments: 1...20)
  func pieces(seed: UInt64) {
    var random = SeededRandom(seed)
    let bytes = random.manyBytes(1_000_000)
    var buffer = ReceiveBuffer()
    var (put, taken): (Int, [UInt8]) = (0, [])
    while taken.count < bytes.count {
      let count = min(bytes.count - put, Int.random(in: 0...200_000, using: &random))
      bytes[put..<put + count].withUnsafeBufferPointer { buffer.append($0) }
      put += count
      #expect(buffer.count == put - taken.count)
      // All of it also where some was taken before.
      let limit = [1, 100, 70_000, .max].randomElement(using: &random)!
      let piece = buffer.take(atMost: limit)
      #expect(piece.count == min(limit, put - taken.count))
      taken += piece
    }
    #expect(taken == bytes && buffer.count == 0)
  }
}

import TestSupport
import Testing
import WarrenMachine

@testable import WarrenTraversal

@Suite("Frames in a stream of bytes")
struct FrameReaderTests {
  private func read(_ pieces: [[UInt8]]) -> [[UInt8]] {
    var reader = FrameReader()
    var frames: [[UInt8]] = []
    for piece in pieces {
      piece.withUnsafeBytes { bytes in
        reader.read(bytes) { frame in frames.append(frame.withUnsafeBytes { Array($0) }) }
      }
    }
    return frames
  }

  @Test("are found however the stream is cut")
  func cut() {
    var random = SeededRandom(1)
    for _ in 0..<200 {
      let frames = (0..<Int.random(in: 0...12, using: &random)).map { _ in
        random.bytes([0, 1, 2, 255, 256, 1200, 65_535].randomElement(using: &random)!)
      }
      let stream = frames.flatMap { [UInt8($0.count >> 8), UInt8($0.count & 0xFF)] + $0 }
      var pieces: [[UInt8]] = []
      var place = 0
      while place < stream.count {
        let end = min(
          stream.count,
          place + Int.random(in: 1...[3, 700, 100_000].randomElement(using: &random)!, using: &random))
        pieces.append(Array(stream[place..<end]))
        place = end
      }
      #expect(read(pieces) == frames)
    }
  }

  @Test("are not there before their last byte is")
  func unfinished() {
    #expect(read([[0, 3, 1, 2]]) == [])
    #expect(read([[0], [3, 1], [2], [3, 0]]) == [[1, 2, 3]])
  }
}

import TestSupport
import Testing

@testable import WarrenRelay

@Suite("A reader of a relay's stream")
struct RelayStreamReaderTests {
  private let binding = bytes(hex: "0001 0004 2112a442 000102030405060708090a0b 80280000")
  private let data = bytes(hex: "4001 0003 aabbcc") + [0]

  @Test("finds messages and data, however they are cut")
  func finds() throws {
    let stream = binding + data + binding + data + data
    for size in 1...stream.count {
      var reader = RelayStreamReader()
      var found: [Int] = []
      for start in stride(from: 0, to: stream.count, by: size) {
        reader.append(stream[start..<min(start + size, stream.count)])
        try reader.forEach { bytes in
          found.append(bytes.byteCount)
          if let data = ChannelData(bytes) { #expect(data.payload.byteCount == 3 && data.channel == 0x4001) }
          return true
        }
      }
      #expect(found == [24, 7, 24, 7, 7])
      #expect(reader.count == 0)
    }
  }

  @Test("gives up on what is neither")
  func strange() {
    for start: UInt8 in [0x04, 0x16, 0x50, 0x80, 0xff] {
      var reader = RelayStreamReader()
      reader.append([start, 0, 0, 4, 0, 0, 0, 0])
      #expect(throws: (any Error).self) { try reader.forEach { _ in true } }
    }
  }

  @Test("stops where nobody is interested, and goes on from there")
  func stops() throws {
    var reader = RelayStreamReader()
    reader.append(data + binding)
    var found = 0
    for _ in 0..<2 {
      try reader.forEach { _ in
        found += 1
        return false
      }
    }
    #expect(found == 2)
  }
}

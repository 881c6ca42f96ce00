import Testing

@testable import WarrenMachine

@Suite("A batch of datagrams")
struct BatchTests {
  private let alice = SocketAddress(IPAddress(192, 0, 2, 7), port: 7)

  /// The payloads that a run of so many bytes hands out, and how many it says it has.
  private func payloads(of byteCount: Int, cutAt segmentSize: Int) -> (count: Int, payloads: [[UInt8]]) {
    let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0) }
    return bytes.withUnsafeBytes { raw in
      let run = DatagramRun(
        base: raw.baseAddress, byteCount: byteCount, segmentSize: segmentSize, remote: alice,
        localIP: .loopback(.v4), ecn: .capable1, hopLimit: 9)
      var payloads: [[UInt8]] = []
      run.forEach { datagram in
        payloads.append(datagram.payload.withUnsafeBytes { Array($0) })
        #expect(datagram.source == alice && datagram.localIP == .loopback(.v4))
        #expect(datagram.ecn == .capable1 && datagram.hopLimit == 9)
      }
      return (run.count, payloads)
    }
  }

  @Test(
    "cuts a run where its datagrams end, the last of them perhaps shorter",
    arguments: [
      (6, 2, [[0, 1], [2, 3], [4, 5]]), (5, 2, [[0, 1], [2, 3], [4]]), (2, 2, [[0, 1]]), (1, 2, [[0]]),
      (3, 1, [[0], [1], [2]]),
    ] as [(Int, Int, [[UInt8]])])
  func cutting(byteCount: Int, segmentSize: Int, expected: [[UInt8]]) {
    let (count, payloads) = payloads(of: byteCount, cutAt: segmentSize)
    #expect(payloads == expected)
    #expect(count == expected.count)
  }

  @Test("hands out an empty datagram, whatever size its run names", arguments: [0, 1, 1200])
  func empty(segmentSize: Int) {
    let (count, payloads) = payloads(of: 0, cutAt: segmentSize)
    #expect(payloads == [[]])
    #expect(count == 1)
  }

  @Test("takes a run that names no size as one datagram")
  func unsized() {
    let (count, payloads) = payloads(of: 3, cutAt: 0)
    #expect(payloads == [[0, 1, 2]])
    #expect(count == 1)
  }

  @Test("goes through its runs in order, and counts their datagrams together")
  func order() {
    let bytes: [UInt8] = [1, 1, 2, 3, 3, 3]
    bytes.withUnsafeBytes { raw in
      func run(_ range: Range<Int>, cutAt size: Int, from remote: SocketAddress) -> DatagramRun {
        DatagramRun(
          base: raw.baseAddress! + range.lowerBound, byteCount: range.count, segmentSize: size,
          remote: remote, localIP: nil, ecn: .notCapable, hopLimit: nil)
      }
      let bob = SocketAddress(IPAddress(192, 0, 2, 8), port: 8)
      let runs = [
        run(0..<2, cutAt: 1, from: alice), run(2..<3, cutAt: 1, from: bob), run(3..<6, cutAt: 2, from: alice),
      ]
      runs.withUnsafeBufferPointer { runs in
        let batch = DatagramBatch(runs: runs)
        let count = batch.count
        var seen: [String] = []
        var sizes: [Int] = []
        batch.forEach { datagram in
          seen.append("\(datagram.source.port):\(datagram.payload.withUnsafeBytes { Array($0) })")
        }
        batch.forEachRun { run in sizes.append(run.bytes.byteCount) }
        #expect(count == 5)
        #expect(seen == ["7:[1]", "7:[1]", "8:[2]", "7:[3, 3]", "7:[3]"])
        #expect(sizes == [2, 1, 3])
      }
    }
  }
}

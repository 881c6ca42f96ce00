import Testing
import WarrenMachine

@Suite("Datagrams that have come one by one")
struct DatagramCollectorTests {
  private struct Run: Equatable {
    var count: Int
    var byteCount: Int
    var port: UInt16
  }

  private func runs(_ datagrams: [(size: Int, port: UInt16, ecn: ECN)]) -> [Run] {
    var batch = DatagramCollector(byteCapacity: 4 * 65_536, runCapacity: 64)
    for (size, port, ecn) in datagrams {
      let payload = [UInt8](repeating: UInt8(truncatingIfNeeded: size), count: size)
      let isTaken = batch.append(
        payload.span.bytes, from: SocketAddress(.loopback(.v4), port: port), to: .any(.v4), ecn: ecn)
      #expect(isTaken)
    }
    var runs: [Run] = []
    batch.lend { batch in
      batch.forEachRun { runs.append(Run(count: $0.count, byteCount: $0.byteCount, port: $0.remote.port)) }
      var sizes: [Int] = []
      batch.forEach { sizes.append($0.payload.byteCount) }
      #expect(sizes == datagrams.map(\.size))
    }
    let isEmpty = batch.isEmpty
    #expect(isEmpty)
    return runs
  }

  @Test("is runs of equal neighbours, each ended by a shorter one")
  func joins() {
    #expect(
      runs(Array(repeating: (100, 1, .notCapable), count: 10)) == [Run(count: 10, byteCount: 1000, port: 1)])
    #expect(
      runs([(100, 1, .notCapable), (100, 1, .notCapable), (50, 1, .notCapable), (50, 1, .notCapable)])
        == [Run(count: 3, byteCount: 250, port: 1), Run(count: 1, byteCount: 50, port: 1)])
    #expect(
      runs([(50, 1, .notCapable), (100, 1, .notCapable)])
        == [Run(count: 1, byteCount: 50, port: 1), Run(count: 1, byteCount: 100, port: 1)])
    #expect(
      runs([(50, 1, .notCapable), (50, 2, .notCapable), (50, 2, .capable0)])
        == [
          Run(count: 1, byteCount: 50, port: 1), Run(count: 1, byteCount: 50, port: 2),
          Run(count: 1, byteCount: 50, port: 2),
        ])
    #expect(
      runs([(0, 1, .notCapable), (0, 1, .notCapable), (5, 1, .notCapable), (0, 1, .notCapable)]).map(
        \.byteCount)
        == [0, 0, 5, 0])
    // No run is longer than what can be sent on in one call.
    #expect(
      runs(Array(repeating: (100, 1, .notCapable), count: 65)).map(\.count) == [
        MachineLimits.segmentsPerRun, 1,
      ])
  }

  @Test("has an end, and room again when it was lent")
  func full() {
    var batch = DatagramCollector(byteCapacity: 4 * 65_536, runCapacity: 64)
    let payload = [UInt8](repeating: 1, count: 60_000)
    var taken = 0
    let peer = SocketAddress(.loopback(.v4), port: 1)
    while batch.append(payload.span.bytes, from: peer, to: .any(.v4), ecn: .notCapable) { taken += 1 }
    #expect(taken == 4 * 65_536 / 60_000)
    batch.lend { _ in }
    let isTaken = batch.append(payload.span.bytes, from: peer, to: .any(.v4), ecn: .notCapable)
    #expect(isTaken)
  }
}

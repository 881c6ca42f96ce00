import Testing

@testable import WarrenMachine

@Suite("An outbox")
struct OutboxTests {
  private let bob = SocketAddress(IPAddress(192, 0, 2, 1), port: 1)
  private let carol = SocketAddress(IPAddress(192, 0, 2, 1), port: 2)

  /// How many datagrams each run has.
  private func runs(_ fill: (inout DatagramOutbox) -> Void) -> [Int] {
    var outbox = DatagramOutbox()
    fill(&outbox)
    return outbox.pending.map(\.count)
  }

  private func bytes(_ count: Int) -> [UInt8] { [UInt8](repeating: 1, count: count) }

  @Test("joins neighbours of one size to one destination, and lets a shorter one end the run")
  func joining() {
    #expect(runs { for _ in 0..<5 { $0.append(bytes(100).span.bytes, to: bob) } } == [5])
    #expect(
      runs { for size in [100, 100, 40, 100] { $0.append(bytes(size).span.bytes, to: bob) } } == [3, 1])
    #expect(runs { for size in [100, 101] { $0.append(bytes(size).span.bytes, to: bob) } } == [1, 1])
    #expect(
      runs { for to in [bob, bob, carol, bob] { $0.append(bytes(9).span.bytes, to: to) } } == [2, 1, 1])
    #expect(runs { for size in [10, 0, 10] { $0.append(bytes(size).span.bytes, to: bob) } } == [1, 1, 1])
  }

  @Test("keeps apart what differs in more than its bytes")
  func differences() {
    #expect(
      runs {
        $0.append(bytes(9).span.bytes, to: bob)
        $0.append(bytes(9).span.bytes, to: bob, ecn: .capable0)
        $0.append(bytes(9).span.bytes, to: bob, ecn: .capable0, hopLimit: 5)
        $0.append(bytes(9).span.bytes, to: bob, from: carol.ip, ecn: .capable0, hopLimit: 5)
        $0.append(bytes(9).span.bytes, to: bob, from: carol.ip, ecn: .capable0, hopLimit: 5)
      } == [1, 1, 1, 2])
  }

  @Test("makes no run longer than the system takes")
  func limits() {
    #expect(runs { for _ in 0..<130 { $0.append(bytes(10).span.bytes, to: bob) } } == [64, 64, 2])
    #expect(runs { for _ in 0..<50 { $0.append(bytes(1452).span.bytes, to: bob) } } == [45, 5])
  }

  @Test("says no when it is full, without asking for bytes, and is whole again when it is empty")
  func full() {
    var outbox = DatagramOutbox(byteCapacity: 100, runCapacity: 4)
    var wasAsked = false
    let taken = outbox.append(bytes(60).span.bytes, to: bob)
    let refused = outbox.append(to: bob, capacity: 41) { _ in wasAsked = true }
    let alsoRefused = outbox.append(bytes(41).span.bytes, to: bob)
    #expect(taken && !refused && !alsoRefused && !wasAsked)
    let unwritten = outbox.append(to: bob, capacity: 40) { _ in }
    let count = outbox.count
    #expect(unwritten && count == 1, "what stays empty is not added")
    outbox.removeFirst(1)
    let free = outbox.freeCapacity
    #expect(free == 100)
    for _ in 0..<4 {
      outbox.append(bytes(1).span.bytes, to: bob)
      outbox.append(bytes(2).span.bytes, to: bob)
    }
    let runs = outbox.pending.count
    #expect(runs == 4, "and it has no more runs than it was made for")
  }

  @Test("hands on the bytes that were written, in order")
  func contents() {
    var outbox = DatagramOutbox()
    for value: UInt8 in 1...3 {
      outbox.append(to: bob, capacity: 8) { datagram in
        datagram.append(value)
        datagram.append(copying: [value, value].span.bytes)
      }
    }
    var seen: [[UInt8]] = []
    let runs = Array(outbox.pending)
    runs.withUnsafeBufferPointer { runs in
      let batch = DatagramBatch(runs: runs)
      let count = batch.count
      #expect(count == 3)
      batch.forEach { datagram in seen.append(datagram.payload.withUnsafeBytes { Array($0) }) }
    }
    #expect(seen == [[1, 1, 1], [2, 2, 2], [3, 3, 3]])
  }
}

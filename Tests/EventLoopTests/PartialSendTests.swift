import Testing
import WarrenMachine

@Suite("An outbox of which the system takes a part")
struct PartialSendTests {
  @Test("keeps exactly the datagrams that were not taken, in the middle of a run too")
  func partOfARun() {
    let destination = SocketAddress.loopback(.v4, port: 9)
    var outbox = DatagramOutbox()
    let run = (0..<10).map { UInt8($0) }
    let more: [UInt8] = [10, 11]
    outbox.append(run: run.span.bytes, segmentSize: 4, to: destination)
    outbox.append(more.span.bytes, to: destination, ecn: .capable0)

    func left() -> [[UInt8]] { outbox.pending.map { Array($0.buffer) } }
    outbox.removeFirst(0, thenBytes: 4)
    #expect(left() == [[4, 5, 6, 7, 8, 9], [10, 11]])
    outbox.removeFirst(0, thenBytes: 4)
    #expect(left() == [[8, 9], [10, 11]])
    #expect(outbox.pending.map(\.count) == [1, 1])
    outbox.removeFirst(2)
    #expect(left() == [])
    let free = outbox.freeCapacity
    #expect(free == MachineLimits.outboxBytes)
  }
}

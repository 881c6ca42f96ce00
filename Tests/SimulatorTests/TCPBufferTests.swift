import TestSupport
import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("TCP's buffers and numbers")
struct TCPBufferTests {
  @Test("positions survive that numbers wrap", arguments: [0, 1, 5, .max - 1, .max] as [UInt32])
  func sequence(initial: UInt32) {
    let sequence = TCPSequence(initial: initial)
    for known in [0, 1, 1 << 31, 1 << 32, 5 << 32] {
      for distance in [-(1 << 31), -1, 0, 1, 1000, (1 << 31) - 1] {
        let position = known + distance
        #expect(sequence.position(of: sequence.number(at: position), near: known) == position)
      }
    }
  }

  @Test("a queue gives back what was put in, whatever the sizes")
  func queue() {
    var random = SimulatorRandom(seed: 4)
    let all = [UInt8].random(200_000, seed: 4)
    var queue = TCPByteQueue(start: 10)
    while queue.end - 10 < all.count {
      let count = min(random.below(random.chance(0.5) ? 4 : 3000), all.count - (queue.end - 10))
      let start = queue.end - 10
      queue.append(Payload(Array(all[start..<start + count])))
      let from = queue.start + random.below(queue.count + 1)
      let length = random.below(min(queue.end - from, 2000) + 1)
      #expect(queue.part(at: from, count: length).bytes == Array(all[from - 10..<from - 10 + length]))
      if random.chance(0.7) {
        queue.removeFirst(upTo: queue.start + random.below(min(queue.count, 2000) + 1))
      }
    }
  }

  @Test(
    "pieces in any order and with any overlap become the stream", arguments: 1...30 as ClosedRange<UInt64>)
  func reassembly(seed: UInt64) {
    var random = SimulatorRandom(seed: seed)
    let all = [UInt8].random(5000, seed: seed)
    var limits = TCPLimits()
    limits.receiveBuffer = 5000
    var buffer = TCPReceiveBuffer(initialSequence: 0, limits: limits)
    while !buffer.isFinished {
      let start = random.below(all.count)
      let count = 1 + random.below(min(600, all.count - start))
      let piece = Payload(Array(all[start..<start + count]))
      buffer.received(piece, at: 1 + start, finishing: start + count == all.count)
      #expect(buffer.held <= 5000)
    }
    let bytes = [UInt8](rawCapacity: 6000) { _ = buffer.read(into: &$0) }
    let isExact = bytes == all
    #expect(isExact)
    #expect(buffer.isEnded)
  }

  @Test("nothing follows a FIN, not even what came before it was known")
  func bytesBehindFinish() {
    var buffer = TCPReceiveBuffer(initialSequence: 0, limits: TCPLimits())
    buffer.received(Payload([4, 5, 6]), at: 4, finishing: false)
    buffer.received(Payload([7]), at: 7, finishing: false)
    buffer.received(.empty, at: 5, finishing: true)
    #expect(!buffer.isFinished)
    buffer.received(Payload([1, 2, 3]), at: 1, finishing: false)
    #expect(buffer.isFinished)
    #expect(buffer.readable == 4)
    #expect(buffer.next == 6, "four bytes and the FIN")
    #expect(buffer.held == 4)
  }

  @Test("a window that was announced never shrinks")
  func window() {
    var limits = TCPLimits()
    limits.receiveBuffer = 4000
    var buffer = TCPReceiveBuffer(initialSequence: 0, limits: limits)
    #expect(buffer.announceWindow(segmentSize: 1460) == 4000)
    buffer.received(Payload([UInt8](repeating: 1, count: 5000)), at: 1, finishing: true)
    #expect(buffer.announceWindow(segmentSize: 1460) == 0)
    #expect(buffer.readable == 4000, "what lies beyond it is not kept")
    #expect(!buffer.isFinished)
  }
}

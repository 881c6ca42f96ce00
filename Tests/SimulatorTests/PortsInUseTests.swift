import TestSupport
import Testing

@testable import WarrenSimulator

@Suite("The ports in use of an address")
struct PortsInUseTests {
  @Test("tell the next free one as asking each does", arguments: 1...20 as ClosedRange<UInt64>)
  func same(seed: UInt64) {
    var random = SeededRandom(seed)
    var (ports, model) = (PortsInUse(), Set<UInt16>())
    // Few are free, in the end.
    for port in UInt16.min ... .max where UInt64.random(in: 0..<100, using: &random) < seed * 5 {
      ports.insert(port)
      model.insert(port)
    }
    for _ in 0..<1000 {
      let port = UInt16.random(in: .min ... .max, using: &random)
      if model.remove(port) == nil { model.insert(port) }
      if model.contains(port) { ports.insert(port) } else { ports.remove(port) }
      let first = Int.random(in: 0...65_535, using: &random)
      let last = Int.random(in: first...65_535, using: &random)
      #expect(
        ports.firstFree(from: first, upTo: last) == (first...last).first { !model.contains(UInt16($0)) })
    }
  }

  @Test("have an end")
  func full() {
    var ports = PortsInUse()
    for port in UInt16.min ... .max { ports.insert(port) }
    #expect(ports.firstFree(from: 0, upTo: 65_535) == nil)
    ports.remove(65_535)
    #expect(ports.firstFree(from: 0, upTo: 65_535) == 65_535 && ports.firstFree(from: 0, upTo: 65_534) == nil)
    ports.remove(64)
    #expect(ports.firstFree(from: 0, upTo: 65_535) == 64 && ports.firstFree(from: 65, upTo: 65_535) == 65_535)
    #expect(ports.firstFree(from: 5, upTo: 4) == nil)
  }
}

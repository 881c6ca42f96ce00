import TestSupport
import Testing

@testable import Warren

@Suite("Two who dial each other")
struct LinkTableTests {
  private static let seconds = 1_000

  /// What must be true when nothing is under way any more.
  private func check(_ lab: LinkLaboratory, _ seed: UInt64) {
    let (alice, bob) = (lab.adopted(0), lab.adopted(1))
    #expect(alice === bob, "seed \(seed): both have the same connection, or none")
    for link in lab.links {
      for side in 0...1 where link.isOpen[side] {
        #expect(link === lab.adopted(side), "seed \(seed): side \(side) has forgotten an open connection")
      }
    }
    for side in 0...1 {
      #expect(!lab.isDialling(side), "seed \(seed): side \(side) takes itself for dialling")
    }
  }

  @Test(
    "end with one connection, whoever is faster, however often they dial", arguments: 0..<20 as Range<UInt64>)
  func crossing(batch: UInt64) {
    for seed in batch * 100..<(batch + 1) * 100 {
      let lab = LinkLaboratory(seed: seed)
      for _ in 0..<lab.chance(1...6) {
        let side = lab.chance(0...1)
        lab.after(1500) { lab.dial(side) }
      }
      lab.run()
      check(lab, seed)
      #expect(lab.adopted(0) != nil, "seed \(seed): nothing was lost, and there is none")
    }
  }

  @Test(
    "end with one connection, although one of them dials twice at once", arguments: 0..<20 as Range<UInt64>)
  func twice(batch: UInt64) {
    for seed in batch * 100..<(batch + 1) * 100 {
      let lab = LinkLaboratory(seed: seed)
      for _ in 0..<lab.chance(2...4) {
        lab.after(lab.chance(1...1500)) { lab.dial(0, another: true) }
        if lab.chance(0...3) == 0 { lab.after(lab.chance(1...1500)) { lab.dial(1, another: true) } }
      }
      if lab.chance(0...1) == 0 { lab.after(1500) { lab.dial(1) } }
      lab.run()
      check(lab, seed)
      #expect(lab.adopted(0) != nil, "seed \(seed): nothing was lost, and there is none")
    }
  }

  @Test("end with the same or with none where handshakes fail", arguments: 0..<20 as Range<UInt64>)
  func failures(batch: UInt64) {
    for seed in batch * 100..<(batch + 1) * 100 {
      let lab = LinkLaboratory(seed: seed)
      lab.failure = 0.4
      for _ in 0..<lab.chance(1...10) {
        let side = lab.chance(0...1)
        lab.after(40 * Self.seconds) { lab.dial(side) }
      }
      lab.run()
      check(lab, seed)
    }
  }

  @Test(
    "end with the same or with none where one is started anew, or connections break",
    arguments: 0..<20 as Range<UInt64>)
  func restarts(batch: UInt64) {
    for seed in batch * 100..<(batch + 1) * 100 {
      let lab = LinkLaboratory(seed: seed)
      lab.failure = 0.1
      for _ in 0..<lab.chance(2...12) {
        let side = lab.chance(0...1)
        lab.after(20 * Self.seconds) {
          switch lab.chance(0...9) {
          case 0: lab.restart(side)
          case 1: if let link = lab.adopted(side) { lab.close(link, side) }
          default: lab.dial(side)
          }
        }
      }
      lab.run()
      check(lab, seed)
    }
  }
}

import TestSupport
import Testing
import WarrenMachine

@testable import WarrenMesh

@Suite("Messages to one alone, as a core")
struct DirectTests {
  private func text(_ text: String) -> DirectCore.Message { DirectCore.Message(.text, Array(text.utf8)) }

  /// Links two cores, as their connection's greetings do.
  private func link(_ a: inout DirectCore, _ b: inout DirectCore, epochs: (UInt64, UInt64) = (1, 1)) {
    let (own, others) = (a.greeting(for: id(2)), b.greeting(for: id(1)))
    let agree =
      (
        a.linked(with: id(2), epoch: epochs.1, others, own: epochs.0),
        b.linked(with: id(1), epoch: epochs.0, own, own: epochs.1)
      )
    #expect(agree == (true, true))
  }

  /// Brings the next message over.
  private func hand(_ a: inout DirectCore, to b: inout DirectCore) -> Bool {
    a.nextMessage(for: id(2)).flatMap { b.receive($0.number, from: id(1)) } ?? false
  }

  @Test("nothing is lost or heard twice, however often the connection breaks")
  func breaks() {
    var random = SeededRandom(5)
    var (a, b) = (DirectCore(), DirectCore())
    var heard: [String] = []
    for number in 0..<500 {
      a.send(text("\(number)"), to: id(2))
      guard number % 7 == 0 else { continue }
      link(&a, &b)
      for _ in 0..<Int.random(in: 0...12, using: &random) {
        guard let (number, message) = a.nextMessage(for: id(2)) else { break }
        // Some are on their way when it breaks, and some answers, too.
        if Int.random(in: 0..<10, using: &random) == 0 { break }
        if b.receive(number, from: id(1))! { heard.append(String(decoding: message.payload, as: UTF8.self)) }
        if Bool.random(using: &random), let next = b.acknowledge(id(1)) { a.taken(next, by: id(2)) }
      }
      a.unlinked(from: id(2))
      b.unlinked(from: id(1))
    }
    link(&a, &b)
    while let (number, message) = a.nextMessage(for: id(2)) {
      if b.receive(number, from: id(1))! { heard.append(String(decoding: message.payload, as: UTF8.self)) }
    }
    #expect(heard == (0..<500).map { "\($0)" })
  }

  @Test("who has begun another life gets what nobody has taken, and counts anew; so does who speaks to it")
  func lives() {
    var (a, b) = (DirectCore(), DirectCore())
    link(&a, &b)
    for number in 0..<4 { a.send(text("\(number)"), to: id(2)) }
    for _ in 0..<2 { _ = hand(&a, to: &b) }
    a.taken(b.acknowledge(id(1))!, by: id(2))
    // The other side is another program now.
    a.unlinked(from: id(2))
    b = DirectCore()
    link(&a, &b, epochs: (1, 2))
    let isHanded0 = hand(&a, to: &b)
    #expect(isHanded0)
    // And so is this one.
    a = DirectCore()
    b.unlinked(from: id(1))
    link(&a, &b, epochs: (3, 2))
    a.send(text("new"), to: id(2))
    let isHanded1 = hand(&a, to: &b)
    #expect(isHanded1)
  }

  @Test("what was given up is not missed afterwards")
  func givenUp() {
    var (a, b) = (DirectCore(), DirectCore())
    link(&a, &b)
    for number in 0..<4 { a.send(text("\(number)"), to: id(2)) }
    let isFirstHanded = hand(&a, to: &b)
    a.unlinked(from: id(2))
    b.unlinked(from: id(1))
    // Both live on, and one took the other for dead meanwhile.
    let count = a.giveUp(id(2))
    #expect(isFirstHanded && count == 4)
    link(&a, &b)
    a.send(text("later"), to: id(2))
    let isLaterHanded = hand(&a, to: &b)
    #expect(isLaterHanded)
  }

  @Test("a gap, and an answer to what was never said, are nonsense")
  func nonsense() {
    var (a, b) = (DirectCore(), DirectCore())
    link(&a, &b)
    let isNew = b.receive(2, from: id(1))
    #expect(isNew == nil)
    let isTaken = (a.taken(2, by: id(2)), a.taken(1, by: id(2)))
    #expect(isTaken == (false, true))
    let isKnown = b.receive(1, from: id(7)) != nil
    #expect(!isKnown)
  }

  @Test("there is room until too much waits, and again when it was taken or given up")
  func room() {
    var (a, b) = (DirectCore(window: MeshLimits.messageCost), DirectCore())
    link(&a, &b)
    a.send(DirectCore.Message(.bytes, Array(repeating: 0, count: 11)), to: id(2))
    #expect(!a.hasRoom(for: id(2)) && a.hasRoom(for: id(3)) && a.waiting == [id(2)])
    let isHanded2 = hand(&a, to: &b)
    #expect(isHanded2)
    a.taken(b.acknowledge(id(1))!, by: id(2))
    #expect(a.hasRoom(for: id(2)))
    a.send(text("x"), to: id(2))
    let given = (a.giveUp(id(2)), a.giveUp(id(2)))
    #expect(given == (1, 0) && !a.hasSomething(for: id(2)))
  }
}

import TestSupport
import Testing
import WarrenMachine
import WarrenSTUN

@testable import WarrenTraversal

@Suite("A watch of a mapping")
struct MappingWatchTests {
  private static let server = SocketAddress(IPAddress(203, 0, 113, 3), port: 3478)

  /// A watch, and a NAT that has another port for it from certain moments on.
  private struct Scene {
    var watch: MappingWatch
    var random = SeededRandom(1)
    var now = Instant(nanoseconds: 1_000_000_000)
    let began = Instant(nanoseconds: 1_000_000_000)
    var changes: [Duration]

    init(isNew: Bool, changes: [Duration]) {
      self.changes = changes
      watch = MappingWatch(of: MappingWatchTests.server, isNew: isNew, using: &random, at: now)
    }

    /// Asks what is to be asked, and is answered at once.
    private mutating func ask() throws {
      var question = STUNMessageWriter()
      guard watch.pollQuestion(into: &question) else { return }
      let asked = question.copy
      let id = STUNMessage.transactionID(of: asked.span.bytes)
      let port = 4000 + UInt16(changes.count { began.duration(to: now) >= $0 })
      var answer = STUNMessageWriter()
      answer.begin(.success, .binding, try #require(id))
      answer.add(.xorMappedAddress, masked: SocketAddress(IPAddress(203, 0, 113, 1), port: port))
      let bytes = answer.copy
      let isAnswer = watch.receive(bytes.span.bytes, from: MappingWatchTests.server, at: now)
      #expect(isAnswer)
    }

    mutating func run(until end: Duration) throws {
      try ask()
      while let next = watch.nextDeadline, next <= began.advanced(by: end) {
        now = next
        watch.handleDeadline(at: now, using: &random)
        try ask()
      }
      now = began.advanced(by: end)
    }

    /// Nothing comes any more: it is asked at once.
    mutating func hurry() throws {
      watch.hurry(at: now)
      watch.handleDeadline(at: now, using: &random)
      try ask()
    }
  }

  @Test("knows for how long a mapping lives when the first of a new socket has ended")
  func first() throws {
    var scene = Scene(isNew: true, changes: [.seconds(70)])
    try scene.run(until: .seconds(69))
    #expect(scene.watch.life == nil)
    try scene.run(until: .seconds(90))
    #expect(scene.watch.life == .seconds(75))
  }

  @Test("does not know it of a port that may have been another's before, until another mapping has ended")
  func second() throws {
    var scene = Scene(isNew: false, changes: [.seconds(70), .seconds(130)])
    try scene.run(until: .seconds(90))
    #expect(scene.watch.life == nil)
    try scene.run(until: .seconds(150))
    #expect(scene.watch.life == .seconds(60))
  }

  @Test("knows it to the moment where it is asked when something ends")
  func hurried() throws {
    var scene = Scene(isNew: true, changes: [.seconds(70)])
    try scene.run(until: .seconds(70))
    try scene.hurry()
    #expect(scene.watch.life == .seconds(70))
  }

  @Test("forgets it when a mapping lives for far longer: the other one had ended for another reason")
  func forgotten() throws {
    var scene = Scene(isNew: true, changes: [.seconds(40)])
    try scene.run(until: .seconds(60))
    #expect(scene.watch.life == .seconds(45))
    try scene.run(until: .seconds(200))
    #expect(scene.watch.life == nil)
  }
}

import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenRegistry

@Suite("Two who are being introduced")
struct IntroductionDeskTests {
  private static let start = Instant(nanoseconds: 0)
  private static let (alice, bob, carol) = (
    MessageSamples.peer(1), MessageSamples.peer(2), MessageSamples.peer(3)
  )

  @Test("may do with their own introduction what is theirs to do, and others nothing")
  func rights() throws {
    var desk = IntroductionDesk()
    let id = try desk.begin(Self.alice, with: Self.bob, question: 9, at: Self.start)
    for peer in [Self.alice, Self.carol] {
      #expect(desk.accept(id, by: peer, at: Self.start) == nil && desk.deny(id, by: peer) == nil)
    }
    for peer in [Self.alice, Self.bob, Self.carol] {
      #expect(desk.listener(id, to: peer) == nil, "nobody has agreed yet")
      #expect(desk.watchers(of: peer).map(\.watcher) == (peer == Self.alice ? [Self.bob] : []))
    }
    #expect(desk.end(id, by: Self.carol) == nil && desk.count == 1)
    #expect(desk.accept(id, by: Self.bob, at: Self.start)?.question == 9)
    #expect(desk.accept(id, by: Self.bob, at: Self.start) == nil, "once is enough")
    #expect(desk.listener(id, to: Self.alice) == Self.bob && desk.listener(id, to: Self.bob) == Self.alice)
    #expect(desk.listener(id, to: Self.carol) == nil)
    #expect(desk.deny(id, by: Self.alice) == nil && desk.deny(id, by: Self.bob) != nil)
    #expect(desk.count == 0 && desk.listener(id, to: Self.alice) == nil)
    let other = try desk.begin(Self.alice, with: Self.bob, question: 10, at: Self.start)
    #expect(desk.forget(10, by: Self.bob) == nil && desk.forget(9, by: Self.alice) == nil)
    #expect(desk.forget(10, by: Self.alice)?.id == other && desk.count == 0)
    let open = try desk.begin(Self.alice, with: Self.bob, question: 11, at: Self.start)
    _ = desk.accept(open, by: Self.bob, at: Self.start)
    #expect(desk.forget(11, by: Self.alice) == nil, "what was answered is ended by its number")
  }

  @Test("are kept from asking by what they ask for, and not by others who ask for them")
  func popularity() throws {
    var desk = IntroductionDesk(each: 3)
    for number: UInt8 in 10..<20 {
      _ = try desk.begin(MessageSamples.peer(number), with: Self.bob, question: nil, at: Self.start)
    }
    for _ in 0..<3 { _ = try desk.begin(Self.bob, with: Self.alice, question: 1, at: Self.start) }
    let error = #expect(throws: RegistryError.self) {
      try desk.begin(Self.bob, with: Self.carol, question: 1, at: Self.start)
    }
    #expect(error?.code == .tooFast)
  }

  @Test("have their whole time from the moment in which both want it, however long one has thought about it")
  func prolonged() throws {
    var desk = IntroductionDesk(patience: .seconds(60))
    let asked = try desk.begin(Self.alice, with: Self.bob, question: 1, at: Self.start)
    let thoughtful = try desk.begin(Self.alice, with: Self.carol, question: 2, at: Self.start)
    let yes = Self.start.advanced(by: .seconds(55))
    #expect(desk.accept(thoughtful, by: Self.carol, at: yes) != nil)
    #expect(desk.takeExpired(at: Self.start.advanced(by: .seconds(60))).map(\.id) == [asked])
    #expect(desk.listener(thoughtful, to: Self.alice) == Self.carol)
    #expect(desk.nextDeadline == yes.advanced(by: .seconds(60)))
    #expect(desk.takeExpired(at: yes.advanced(by: .seconds(60))).map(\.id) == [thoughtful])
    #expect(desk.count == 0 && desk.nextDeadline == nil)
  }

  /// The same without any haste: all of them in a row.
  private struct Model {
    var open: [(id: UInt64, pair: IntroductionDesk.Pair, until: Instant)] = []
    let capacity = 12
    let each = 4

    func permits(_ caller: PeerID) -> RegistryError.Code? {
      if open.count >= capacity { return .full }
      return open.count { $0.pair.caller == caller } >= each ? .tooFast : nil
    }

    mutating func take(_ isMeant: (UInt64, IntroductionDesk.Pair) -> Bool) -> [UInt64: IntroductionDesk.Pair]
    {
      let taken = open.filter { isMeant($0.id, $0.pair) }
      open.removeAll { isMeant($0.id, $0.pair) }
      return Dictionary(uniqueKeysWithValues: taken.map { ($0.id, $0.pair) })
    }
  }

  @Test("are what a slow model says, and nothing is left of them", arguments: 0..<300 as Range<UInt64>)
  func model(seed: UInt64) throws {
    var random = SeededRandom(seed)
    var model = Model()
    let patience: Duration = .seconds(10)
    var desk = IntroductionDesk(patience: patience, capacity: model.capacity, each: model.each)
    let peers = (0..<UInt8(4)).map { MessageSamples.peer($0) }
    var now = Self.start
    var known: [UInt64] = [0, 1, .max]
    for step in 0..<200 {
      let peer = peers.randomElement(using: &random)!
      let id = known.randomElement(using: &random)!
      let found = model.open.firstIndex { $0.id == id }
      let pair = found.map { model.open[$0].pair }
      switch Int.random(in: 0..<12, using: &random) {
      case 0...3:
        let other = peers.filter { $0 != peer }.randomElement(using: &random)!
        let question: UInt32? = Bool.random(using: &random) ? UInt32(step) : nil
        do throws(RegistryError) {
          let id = try desk.begin(peer, with: other, question: question, at: now)
          #expect(model.permits(peer) == nil && !known.dropFirst(3).contains(id))
          model.open.append(
            (id, .init(caller: peer, callee: other, question: question), now.advanced(by: patience)))
          known.append(id)
        } catch {
          // Those who are gone stand in the queue for their time.
          #expect(error.code == model.permits(peer) || error.code == .full && step > 4 * model.capacity)
        }
      case 4...5:
        let expected = pair.flatMap { $0.callee == peer ? $0.question : nil }
        #expect(desk.accept(id, by: peer, at: now)?.question == expected)
        if expected != nil {
          model.open[found!].pair.question = nil
          model.open[found!].until = now.advanced(by: patience)
        }
      case 6:
        let isRight = pair?.callee == peer
        #expect(desk.deny(id, by: peer) == (isRight ? pair : nil))
        if isRight { _ = model.take { number, _ in number == id } }
      case 7:
        let isRight = pair?.other(than: peer) != nil
        #expect(desk.end(id, by: peer) == (isRight ? pair : nil))
        if isRight { _ = model.take { number, _ in number == id } }
      case 8:
        let left = desk.leave(peer)
        let expected = model.take { _, pair in pair.other(than: peer) != nil }
        #expect(Dictionary(uniqueKeysWithValues: left.map { ($0.id, $0.pair) }) == expected)
      case 9:
        now = now.advanced(by: .milliseconds(Int.random(in: 0...4000, using: &random)))
        let over = Set(model.open.filter { $0.until <= now }.map(\.id))
        let expired = desk.takeExpired(at: now)
        #expect(Set(expired.map(\.id)) == over && expired.count == over.count)
        _ = model.take { number, _ in over.contains(number) }
        #expect(
          desk.nextDeadline == model.open.map(\.until).min() || desk.nextDeadline.map { $0 > now } == true)
      default:
        let expected = pair.flatMap { $0.question == nil ? $0.other(than: peer) : nil }
        #expect(desk.listener(id, to: peer) == expected)
        let watched = model.open.filter {
          $0.pair.other(than: peer) != nil && ($0.pair.question == nil || $0.pair.caller == peer)
        }
        #expect(desk.watchers(of: peer).map(\.id) == watched.map(\.id))
        #expect(desk.watchers(of: peer).map(\.watcher) == watched.map { $0.pair.other(than: peer)! })
      }
      #expect(desk.count == model.open.count)
    }
    let end = now.advanced(by: patience)
    #expect(desk.takeExpired(at: end).count == model.open.count)
    #expect(desk.count == 0 && desk.nextDeadline == nil && peers.allSatisfy { desk.watchers(of: $0).isEmpty })
    for peer in peers { _ = try desk.begin(peer, with: Self.carol, question: nil, at: end) }
  }
}

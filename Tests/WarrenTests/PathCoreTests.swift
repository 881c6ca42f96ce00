import TestSupport
import Testing

@testable import Warren

@Suite("The ways of a connection, as a core")
struct PathCoreTests {
  /// A core, whose other side answers on the ways that are open, after half of their round trips and the other half.
  private struct Scene {
    var core: PathCore
    var now = Instant(nanoseconds: 1_000_000_000)
    /// The ways that lead there and back, with their round trips.
    var open: [NetworkPath: Duration] = [:]
    var answers: [(at: Instant, probe: PathProbe, on: NetworkPath)] = []
    var asked: [(at: Instant, probe: PathProbe, on: NetworkPath)] = []
    var gone: [(at: Instant, to: NetworkPath, atOnce: Bool)] = []
    /// Since when an answer is owed to the connection.
    var awaited: Instant?
    var roundTrip = Duration.milliseconds(50)
    /// Whether something is said all the time.
    var isTalking = false

    init(
      canMove: Bool = true, allowed: Set<Path.Kind> = Set(Path.Kind.allCases), on path: NetworkPath,
      _ kind: Path.Kind
    ) {
      core = PathCore(
        on: path, kind, canMove: canMove, allowed: allowed, interval: .seconds(15), number: 0, at: now)
    }

    /// Lets time pass, and does what is due, in its order.
    mutating func pass(_ time: Duration) {
      let end = now.advanced(by: time)
      while true {
        drain()
        let talk = isTalking ? now.advanced(by: .milliseconds(20)) : nil
        let next = [core.nextDeadline, answers.map(\.at).min(), talk].compactMap { $0 }.min()
        guard let next, next <= end else { break }
        now = max(now, next)
        if isTalking {
          // What is said is answered a round trip later, where the way is open.
          awaited = open[core.used] == nil ? awaited ?? now : nil
        }
        for answer in answers.filter({ $0.at <= now }) {
          core.receive(answer.probe, on: answer.on, .direct, at: now)
        }
        answers.removeAll { $0.at <= now }
        look()
      }
      now = end
      look()
      drain()
    }

    /// What is said now and then is answered so late.
    mutating func isAnswered(after time: Duration, times: Int) {
      for _ in 0..<times {
        awaited = now
        pass(time)
        awaited = nil
        pass(.milliseconds(100))
      }
    }

    private mutating func look() {
      core.waits(since: awaited, roundTrip: roundTrip, at: now)
      core.handleDeadline(at: now)
    }

    mutating func drain() {
      while let (probe, path) = core.pollProbe() {
        asked.append((now, probe, path))
        guard probe.word == .ping, let time = open[path] else { continue }
        answers.append((now.advanced(by: time), PathProbe(word: .pong, number: probe.number), path))
      }
      while let event = core.pollEvent() {
        guard case .go(let path, let atOnce) = event else { continue }
        gone.append((now, path, atOnce))
        core.moved(to: path, .direct, at: now)
        awaited = nil
      }
    }
  }

  private static func path(_ port: UInt16, through channel: UInt16 = 0) -> NetworkPath {
    NetworkPath(to: SocketAddress(IPAddress(v4: 0xC000_0201), port: port), through: channel)
  }

  private let relay = path(1, through: 1)
  private let direct = path(2)
  private let other = path(3)
  private let tcp = path(4, through: 2)

  @Test("leaves a relay for a direct way as soon as that answers, and keeps the relay alive")
  func upgrade() {
    var scene = Scene(on: relay, .relayed)
    scene.open = [relay: .milliseconds(100), direct: .milliseconds(50)]
    scene.core.add(direct, .direct, at: scene.now)
    scene.pass(.milliseconds(49))
    #expect(scene.gone.isEmpty)
    scene.pass(.milliseconds(1))
    #expect(scene.gone.map(\.to) == [direct] && scene.gone.first?.atOnce == false)
    scene.pass(.seconds(60))
    let pings = scene.asked.filter { $0.on == relay }
    #expect((4...8).contains(pings.count), "\(pings.count) in a minute")
    #expect(scene.core.paths.count == 2 && scene.core.paths.allSatisfy { $0.state == .alive })
  }

  @Test("takes a way for lost after two round trips and half a second, and not before")
  func silence() {
    var scene = Scene(on: direct, .direct)
    scene.open = [relay: .milliseconds(100), direct: .milliseconds(50)]
    scene.core.add(relay, .relayed, at: scene.now)
    scene.isTalking = true
    scene.pass(.seconds(5))
    #expect(scene.gone.isEmpty)
    scene.open[direct] = nil
    let cut = scene.now
    scene.pass(.seconds(2))
    let late = cut.duration(to: scene.gone[0].at)
    #expect(scene.gone.map(\.to) == [relay] && scene.gone[0].atOnce)
    #expect(late >= .milliseconds(600) && late <= .milliseconds(620), "\(late)")
  }

  @Test("stays where an answer is late and comes")
  func late() {
    var scene = Scene(on: direct, .direct)
    scene.open = [relay: .milliseconds(100), direct: .milliseconds(50)]
    scene.core.add(relay, .relayed, at: scene.now)
    scene.pass(.seconds(1))
    scene.isAnswered(after: .milliseconds(590), times: 20)
    #expect(scene.gone.isEmpty)
  }

  @Test(
    "waits for as long as a way takes, whatever the connection takes it for on a way that it has just gone to"
  )
  func longWay() {
    var scene = Scene(on: relay, .relayed)
    scene.open = [relay: .milliseconds(1500), direct: .milliseconds(1500)]
    scene.roundTrip = .milliseconds(100)
    scene.core.add(direct, .direct, at: scene.now)
    scene.pass(.seconds(10))
    scene.isAnswered(after: .milliseconds(1600), times: 20)
    #expect(scene.gone.map(\.to) == [direct])
    #expect(scene.core.paths.allSatisfy { $0.state == .alive })
  }

  @Test("comes back to a way that was lost only after it has answered for a while, each time longer")
  func probation() {
    var scene = Scene(on: direct, .direct)
    scene.open = [relay: .milliseconds(100), direct: .milliseconds(50)]
    scene.core.add(relay, .relayed, at: scene.now)
    scene.isTalking = true
    var absences: [Duration] = []
    for _ in 0..<4 {
      scene.pass(.seconds(2))
      scene.open[direct] = nil
      scene.pass(.seconds(2))
      #expect(scene.core.used == relay)
      scene.open[direct] = .milliseconds(50)
      let back = scene.now
      scene.pass(.seconds(40))
      #expect(scene.core.used == direct)
      absences.append(back.duration(to: scene.gone.last!.at))
    }
    #expect(absences[0] >= PathLimits.firstProbation)
    #expect(absences[3] >= PathLimits.firstProbation * 8, "\(absences)")
  }

  @Test("never alternates between two ways of equal worth, however their times vary")
  func hysteresis() {
    var random = SeededRandom(3)
    var scene = Scene(on: direct, .direct)
    scene.open = [direct: .milliseconds(50), other: .milliseconds(50)]
    scene.core.add(other, .direct, at: scene.now)
    for _ in 0..<2_000 {
      scene.open[direct] = .milliseconds(Int.random(in: 40...60, using: &random))
      scene.open[other] = .milliseconds(Int.random(in: 40...60, using: &random))
      scene.pass(.seconds(15))
    }
    #expect(scene.gone.isEmpty)
    // One that is clearly shorter is taken, once.
    (scene.open[direct], scene.open[other]) = (.milliseconds(50), .milliseconds(20))
    scene.pass(.seconds(600))
    #expect(scene.gone.map(\.to) == [other])
  }

  @Test("leaves a way that will not live for long for a fresh one, before it dies, and once")
  func aging() {
    var scene = Scene(on: direct, .direct)
    scene.open = [direct: .milliseconds(50), other: .milliseconds(60)]
    scene.pass(.seconds(40))
    scene.core.age()
    scene.pass(.seconds(1))
    #expect(scene.gone.isEmpty)
    scene.core.add(other, .direct, at: scene.now)
    scene.pass(.milliseconds(100))
    #expect(scene.gone.map(\.to) == [other] && scene.gone.first?.atOnce == false)
    scene.pass(.seconds(600))
    #expect(scene.gone.count == 1)
  }

  @Test("goes where its user wants, comes back where that is lost, and goes there again")
  func wish() {
    var scene = Scene(on: direct, .direct)
    scene.open = [direct: .milliseconds(50), tcp: .milliseconds(50)]
    scene.core.add(tcp, .tcp, at: scene.now)
    scene.isTalking = true
    scene.pass(.seconds(1))
    #expect(scene.core.used == direct)
    scene.core.prefer(.tcp, at: scene.now)
    scene.pass(.milliseconds(100))
    #expect(scene.core.used == tcp)
    scene.open[tcp] = nil
    scene.pass(.seconds(3))
    #expect(scene.core.used == direct)
    scene.open[tcp] = .milliseconds(50)
    scene.pass(.seconds(10))
    #expect(scene.core.used == tcp)
    scene.core.prefer(nil, at: scene.now)
    scene.pass(.seconds(1))
    #expect(scene.core.used == direct)
  }

  @Test("asks the other side to change ways where it cannot, until it has, and no longer")
  func server() {
    var scene = Scene(canMove: false, on: direct, .direct)
    scene.open = [direct: .milliseconds(50), relay: .milliseconds(100)]
    scene.core.add(relay, .relayed, at: scene.now)
    scene.isTalking = true
    scene.pass(.seconds(2))
    #expect(scene.asked.allSatisfy { $0.probe.wish == .none })
    scene.open[direct] = nil
    scene.pass(.seconds(1))
    #expect(scene.gone.isEmpty)
    #expect(scene.asked.contains { $0.on == relay && $0.probe.wish == .here })
    let count = scene.asked.count
    scene.core.moved(to: relay, .relayed, at: scene.now)
    scene.pass(.seconds(30))
    #expect(scene.asked[count...].allSatisfy { $0.probe.wish != .here })
  }

  @Test("does as the other side wants until that wants nothing any more")
  func othersWish() {
    var scene = Scene(on: direct, .direct)
    scene.open = [direct: .milliseconds(50), relay: .milliseconds(100)]
    scene.core.add(relay, .relayed, at: scene.now)
    scene.pass(.seconds(1))
    scene.core.receive(PathProbe(word: .ping, number: 1, wish: .here), on: relay, .relayed, at: scene.now)
    scene.pass(.seconds(100))
    #expect(scene.core.used == relay)
    scene.core.receive(
      PathProbe(word: .ping, number: 2, wish: .elsewhere), on: direct, .direct, at: scene.now)
    scene.pass(.seconds(1))
    #expect(scene.core.used == relay)
    // What was said before is not said again by somebody else.
    scene.core.receive(PathProbe(word: .ping, number: 1, wish: .none), on: direct, .direct, at: scene.now)
    scene.pass(.seconds(1))
    #expect(scene.core.used == relay)
    scene.core.receive(PathProbe(word: .ping, number: 3, wish: .none), on: direct, .direct, at: scene.now)
    scene.pass(.seconds(1))
    #expect(scene.core.used == direct)
  }

  @Test("leaves a way whose socket is gone, though nothing is owed there")
  func gone() {
    var scene = Scene(on: tcp, .tcp)
    scene.open = [tcp: .milliseconds(50), relay: .milliseconds(100)]
    scene.core.add(relay, .relayed, at: scene.now)
    scene.pass(.seconds(20))
    scene.open[tcp] = nil
    scene.core.remove(channel: tcp.channel, at: scene.now)
    #expect(scene.core.isLost)
    scene.pass(.seconds(1))
    #expect(scene.gone.map(\.to) == [relay] && !scene.core.isLost)
  }

  @Test("is well again when something has come, also where something new is owed at once")
  func bulk() {
    var scene = Scene(on: direct, .direct)
    scene.awaited = scene.now
    scene.pass(.seconds(2))
    #expect(scene.core.isLost)
    // What was heard ended the wait, and the same turn began the next.
    scene.awaited = scene.now
    scene.pass(.milliseconds(10))
    #expect(!scene.core.isLost)
  }

  @Test("gives up a way that answers questions and carries nothing, and takes long over a long one")
  func hollow() {
    var core = PathCore(
      on: relay, .relayed, canMove: true, allowed: Set(Path.Kind.allCases), interval: .seconds(15), number: 0,
      at: Instant(nanoseconds: 0))
    var now = Instant(nanoseconds: 0)
    var (tries, answers): (Int, [(Instant, UInt16)]) = (0, [])
    core.add(direct, .direct, at: now)
    while now < Instant(nanoseconds: 60_000_000_000) {
      while let (probe, path) = core.pollProbe() {
        if path == direct { answers.append((now.advanced(by: .milliseconds(1500)), probe.number)) }
      }
      while let event = core.pollEvent() { if case .go = event { tries += 1 } }
      now = now.advanced(by: .milliseconds(50))
      for (at, number) in answers where at <= now {
        core.receive(PathProbe(word: .pong, number: number), on: direct, .direct, at: now)
      }
      answers.removeAll { $0.0 <= now }
      core.handleDeadline(at: now)
    }
    #expect((1...6).contains(tries), "\(tries) in a minute")
  }

  @Test("takes no way of a kind that is not allowed")
  func allowed() {
    var scene = Scene(allowed: [.relayed], on: relay, .relayed)
    scene.open = [relay: .milliseconds(100), direct: .milliseconds(10)]
    scene.core.add(direct, .direct, at: scene.now)
    scene.core.receive(PathProbe(word: .ping, number: 1, wish: .here), on: direct, .direct, at: scene.now)
    scene.pass(.seconds(60))
    #expect(scene.core.used == relay && scene.asked.allSatisfy { $0.on == relay })
  }

  @Test("asks somebody who was only named six times, and then hardly ever; and nobody for ever")
  func named() {
    var scene = Scene(on: direct, .direct)
    scene.open = [direct: .milliseconds(50)]
    scene.core.add(other, .relayed, at: scene.now)
    scene.pass(.seconds(10))
    #expect(scene.asked.filter { $0.on == other }.count <= PathLimits.tries + 4)
    scene.pass(.seconds(1_000))
    #expect(scene.asked.filter { $0.on == other }.count <= 24)
    #expect(scene.core.paths.map(\.network) == [direct])
  }

  @Test(
    "asks now and then whether a direct way that was cut is mended, for an hour, where there is a relay alone",
    arguments: [20, 70], [true, false])
  func cut(minutes: Int, wasAsked: Bool) {
    var scene = Scene(on: direct, .direct)
    scene.open = [relay: .milliseconds(100)]
    if wasAsked { scene.open[direct] = .milliseconds(50) }
    scene.core.add(relay, .relayed, at: scene.now)
    scene.isTalking = wasAsked
    scene.pass(.seconds(10))
    #expect((scene.core.paths[0].lastAnswer != nil) == wasAsked)
    scene.isTalking = true
    scene.open[direct] = nil
    scene.pass(.seconds(10))
    #expect(scene.core.used == relay)
    scene.isTalking = false
    scene.awaited = nil
    scene.asked = []
    scene.pass(.seconds(minutes * 60))
    let count = scene.asked.count { $0.on == direct }
    scene.open[direct] = .milliseconds(50)
    scene.pass(.seconds(120))
    #expect(scene.core.used == (minutes < 60 ? direct : relay))
    #expect(count <= min(minutes, 60) + 12, "\(count)")
  }

  @Test(
    "finds a way again that takes far longer now than when it was measured",
    arguments: [400, 1500, 3900])
  func slower(milliseconds: Int) {
    var scene = Scene(on: relay, .relayed)
    scene.open = [relay: .milliseconds(50), direct: .milliseconds(50)]
    scene.core.add(direct, .direct, at: scene.now)
    scene.pass(.seconds(10))
    scene.core.prefer(.relayed, at: scene.now)
    scene.pass(.seconds(10))
    scene.open[direct] = nil
    scene.pass(.seconds(60))
    #expect(scene.core.paths.first { $0.network == direct }?.state == .silent)
    scene.open[direct] = .milliseconds(milliseconds)
    scene.pass(.seconds(70))
    #expect(scene.core.paths.first { $0.network == direct }?.state == .alive)
    let measured = scene.core.paths.first { $0.network == direct }?.roundTrip ?? .zero
    #expect(measured >= .milliseconds(milliseconds * 9 / 10), "\(measured)")
  }

  @Test("asks ten times a second at most on a silent way, however often it is asked there itself")
  func askedWhereSilent() {
    var scene = Scene(on: relay, .relayed)
    scene.open[relay] = .milliseconds(50)
    scene.core.add(direct, .direct, at: scene.now)
    scene.pass(.seconds(30))
    #expect(scene.core.paths.first { $0.network == direct }?.state == .silent)
    scene.asked = []
    for number in 1...1000 as ClosedRange<UInt16> {
      scene.core.receive(PathProbe(word: .ping, number: number), on: direct, .direct, at: scene.now)
      scene.pass(.milliseconds(1))
    }
    let questions = scene.asked.count { $0.probe.word == .ping && $0.on == direct }
    #expect((5...11).contains(questions), "\(questions)")
  }

  @Test("asks seldom where each question comes from another port, and still learns where the other side is")
  func moving() {
    var scene = Scene(on: relay, .relayed)
    scene.open[relay] = .milliseconds(50)
    scene.pass(.seconds(5))
    scene.asked = []
    for number in 1...500 as ClosedRange<UInt16> {
      let path = Self.path(1000 + number)
      scene.core.receive(PathProbe(word: .ping, number: number), on: path, .direct, at: scene.now)
      scene.pass(.milliseconds(20))
    }
    let questions = scene.asked.count { $0.probe.word == .ping && $0.on != relay }
    // Each that is learnt is asked six times, and then seldom.
    #expect(questions <= 8 * (16 + 10) && questions > 10, "\(questions)")
    scene.pass(.seconds(1))
    scene.open[direct] = .milliseconds(50)
    scene.core.receive(PathProbe(word: .ping, number: 4000), on: direct, .direct, at: scene.now)
    scene.pass(.seconds(5))
    #expect(scene.core.used == direct)
  }

  @Test("keeps as many ways as it needs, and asks each four times a minute")
  func bounded() {
    var scene = Scene(on: direct, .direct)
    scene.open[direct] = .milliseconds(50)
    for port in 10..<200 as Range<UInt16> {
      let path = Self.path(port)
      scene.open[path] = .milliseconds(50)
      scene.core.add(path, .direct, at: scene.now)
      scene.pass(.milliseconds(100))
    }
    scene.pass(.seconds(400))
    #expect(scene.core.paths.count <= PathLimits.pathsOfKind)
    let count = scene.asked.count
    scene.pass(.seconds(600))
    #expect(scene.asked.count - count <= 40 * PathLimits.pathsOfKind * 2)
  }

  @Test("ask few questions, however often the other side changes its mind")
  func fickle() {
    var scene = Scene(on: relay, .relayed)
    scene.open = [relay: .milliseconds(80), direct: .milliseconds(40)]
    scene.core.add(direct, .direct, at: scene.now)
    scene.pass(.seconds(30))
    scene.asked = []
    for number in 1...1000 {
      let probe = PathProbe(
        word: .ping, number: UInt16(number), wish: number.isMultiple(of: 2) ? .none : .here)
      scene.core.receive(probe, on: relay, .relayed, at: scene.now)
      scene.drain()
    }
    let questions = scene.asked.count { $0.probe.word == .ping }
    #expect(!scene.gone.isEmpty)
    #expect((1...PathLimits.questions).contains(questions))
    scene.gone = []
    scene.pass(.seconds(30))
    #expect(scene.core.used == direct, "in the end it goes where it is best")
  }
}

import TestSupport
import Testing
import WarrenMachine
import WarrenMesh

@Suite("A connection in plain text")
struct PlaintextLinkTests {
  private static let start = Instant(nanoseconds: 0)
  private static let ip = IPAddress(192, 0, 2, 7)

  private func at(_ seconds: Double) -> Instant {
    Self.start.advanced(by: .milliseconds(Int64(seconds * 1000)))
  }

  private func link(_ role: PlainLinkCore.Role, _ settings: PlainLinkCore.Settings = .init()) throws
    -> PlainLinkCore
  {
    PlainLinkCore(
      role, with: Self.ip, as: try PlainGreeting(id: "00ff", name: "kitchen"), settings, at: Self.start)
  }

  private func openLink(_ settings: PlainLinkCore.Settings = .init()) throws -> PlainLinkCore {
    var link = try link(.dialled, settings)
    link.receive(Array("a1:alice\n".utf8), at: Self.start)
    #expect(link.pollEvent() == .opened)
    return link
  }

  private func events(_ link: inout PlainLinkCore) -> [PlainLinkCore.Event] {
    var events: [PlainLinkCore.Event] = []
    while let event = link.pollEvent() { events.append(event) }
    return events
  }

  private func end(_ link: inout PlainLinkCore) -> PlainError.Code? {
    guard case .ended(let error) = events(&link).last else { return nil }
    #expect(!error.reason.isEmpty)
    return error.code
  }

  private func said(_ link: inout PlainLinkCore, at now: Instant) -> String {
    var bytes: [UInt8] = []
    while let more = link.pollOutput(atMost: 1 << 20, at: now) { bytes += more }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: Hostile

  @Test(
    "ends with what cannot be, before there is memory for it",
    arguments: [
      ("BYTES:-1\n", .nonsense), ("BYTES:16777217\n", .tooLarge), ("BYTES:9223372036854775807\n", .tooLarge),
      ("BYTES:99999999999999999999\n", .tooLarge), (String(repeating: "a", count: 65_537), .tooLarge),
      (String(repeating: "a", count: 65_537) + "\nhello\n", .tooLarge),
    ] as [(String, PlainError.Code)])
  func impossible(text: String, code: PlainError.Code) throws {
    var link = try openLink()
    link.receive(Array(text.utf8), at: at(1))
    #expect(end(&link) == code)
    #expect(link.isOver)
    link.receive(Array("hello\n".utf8), at: at(1))
    #expect(events(&link).isEmpty)
  }

  @Test("takes a line and a message of just the permitted size")
  func largest() throws {
    var settings = PlainLinkCore.Settings()
    settings.messageBytes = 100_000
    var link = try openLink(settings)
    let line = String(repeating: "a", count: PlainLimits.lineBytes)
    let message = [UInt8](repeating: 10, count: 100_000)
    link.receive(Array("\(line)\nBYTES:100000\n".utf8) + message + Array("BYTES:100001\n".utf8), at: at(1))
    let all = events(&link)
    #expect(all.prefix(2) == [.text(line), .bytes(message)])
    guard case .ended(let error) = all.last else { throw PlainError(.nonsense, "it goes on") }
    #expect(error.code == .tooLarge && all.count == 3)
  }

  @Test("is not opened by who says nothing that can be, or too much")
  func strangers() throws {
    for (text, code) in [
      (String(repeating: "a", count: 1025), .tooLarge), ("PING\n", .badName),
      ("GET / HTTP/1.1\r\n", .badName), ("\n", .badName),
    ] as [(String, PlainError.Code)] {
      for role in [PlainLinkCore.Role.accepted, .dialled] {
        var link = try link(role)
        link.receive(Array(text.utf8), at: at(1))
        #expect(end(&link) == code, "\(text.prefix(10))")
      }
    }
    var eager = try link(.accepted)
    eager.receive(Array("a1:alice\nLISTEN:localhost:80\n".utf8), at: at(1))
    #expect(events(&eager) == [.asked])
    for _ in 0..<2 { eager.receive([UInt8](repeating: 97, count: 40_000), at: at(1)) }
    #expect(end(&eager) == .nonsense)
  }

  @Test("notices the same however its bytes are cut")
  func cuts() throws {
    var random = SeededRandom(5)
    let words = [
      "PING", "PONG", "PEERS:192.0.2.1:1,localhost:2", "BYTES:3\nabc", "BYTES:0", "BYTES:x", "hello", "",
      " \u{A0}é ", "BYTES:9",
      "REQUEST_PEERS", "\r", "BYTES:-1",
    ]
    for _ in 0..<300 {
      let lines = (0..<8).map { _ in words.randomElement(using: &random)! + "\n" }.joined()
      let bytes = Array("a1:alice\n\(lines)".utf8)
      var (whole, cut) = (try link(.dialled), try link(.dialled))
      whole.receive(bytes, at: at(1))
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Int.random(in: 1...6, using: &random)
        cut.receive(Array(rest.prefix(count)), at: at(1))
        rest = rest.dropFirst(count)
      }
      let found = events(&whole)
      #expect(found == events(&cut))
      #expect(found.count > 1)
    }
  }

  @Test("answers no more questions than their answers are taken")
  func flood() throws {
    var link = try openLink()
    let pings = Array(String(repeating: "PING\n", count: 10_000).utf8)
    for _ in 0..<100 { link.receive(pings, at: at(1)) }
    #expect(!link.isOver && !link.hasRoom)
    #expect(said(&link, at: at(1)).utf8.count <= PlainLimits.window + 5)
  }

  // MARK: Times

  @Test("is asked every fifteen seconds, and given up a minute after its last word")
  func silence() throws {
    var link = try openLink()
    var now = Self.start
    var said: [String] = []
    while !link.isOver {
      now = link.nextDeadline
      link.handleDeadline(at: now)
      said.append(
        "\(Self.start.duration(to: now).components.seconds) "
          + self.said(&link, at: now).replacing("\n", with: " "))
    }
    #expect(said == ["15 PING ", "30 PING REQUEST_PEERS ", "45 PING ", "60 "])
    #expect(end(&link) == .stale)
  }

  @Test("is not given up while something is heard, or nobody reads")
  func life() throws {
    var link = try openLink()
    link.receive([UInt8(ascii: "x")], at: at(59))
    link.handleDeadline(at: at(61))
    #expect(!link.isOver)
    _ = said(&link, at: at(61))
    link.paused(true, at: at(100))
    link.handleDeadline(at: at(1000))
    #expect(!link.isOver)
    link.paused(false, at: at(1000))
    _ = said(&link, at: at(1000))
    link.handleDeadline(at: at(1059))
    #expect(!link.isOver)
    link.handleDeadline(at: at(1060))
    #expect(end(&link) == .stale)
  }

  @Test("is given up when it takes nothing for a minute, or too much waits for it")
  func stalled() throws {
    var link = try openLink()
    link.say([Array("hello\n".utf8)], at: at(10))
    for second in stride(from: 20.0, through: 70, by: 10) {
      #expect(!link.isOver)
      link.receive(Array("PONG\n".utf8), at: at(second))
      link.handleDeadline(at: at(second))
    }
    #expect(end(&link) == .tooSlow)

    var settings = PlainLinkCore.Settings()
    settings.messageBytes = 1 << 20
    var other = try openLink(settings)
    for _ in 0..<3 { other.say([[UInt8](repeating: 0, count: 1 << 20)], at: at(1)) }
    #expect(!other.isOver && !other.hasRoom && !other.isStalled)
    #expect(other.nextDeadline == at(3))
    other.handleDeadline(at: at(3))
    #expect(other.isStalled && other.nextDeadline == at(15))
    _ = other.pollOutput(atMost: 1, at: at(4))
    #expect(!other.isStalled && !other.hasRoom && other.nextDeadline == at(6))
    other.say([[1, 2]], at: at(4))
    #expect(end(&other) == .tooSlow)
  }

  @Test(
    "ends when the other side does not say who it is in time",
    arguments: [PlainLinkCore.Role.dialled, .accepted])
  func unknown(role: PlainLinkCore.Role) throws {
    var link = try link(role)
    link.handleDeadline(at: at(9.9))
    #expect(!link.isOver && link.nextDeadline == at(10))
    link.handleDeadline(at: at(10))
    #expect(end(&link) == .silent)
  }

  @Test("waits shortly for where the other side listens, and loses nothing that comes instead")
  func withoutListening() throws {
    var link = try link(.accepted)
    link.receive(Array("a1\n".utf8), at: at(1))
    #expect(events(&link).isEmpty)
    link.receive(Array("BYTES:3\nabchello\n".utf8), at: at(1.1))
    #expect(events(&link) == [.asked])
    link.postpone(until: at(3))
    link.handleDeadline(at: at(3))
    #expect(events(&link) == [.asked])
    link.accept(at: at(3))
    #expect(events(&link) == [.opened, .bytes(Array("abc".utf8)), .text("hello")])
    #expect(said(&link, at: at(3)) == "00ff:kitchen\n")
    #expect(link.listens == nil)
  }

  @Test(
    "says that it was turned away although the other side says no more, or nonsense",
    arguments: ["", "BYTES:-1\n", "PING\n"])
  func turnedAway(rest: String) throws {
    var link = try link(.dialled)
    link.receive(Array("MAX_PEERS\n\(rest)".utf8), at: at(1))
    if rest.isEmpty { link.receivedEnd(at: at(1)) }
    #expect(end(&link) == .full)
  }
}

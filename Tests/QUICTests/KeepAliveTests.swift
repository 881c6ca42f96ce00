import Testing
import WarrenMachine

@testable import WarrenQUIC

@Suite("A QUIC connection that says it is alive")
struct KeepAliveTests {
  /// Two who are connected and say nothing for an hour, and how large is what passes between them, by who says it.
  private static func idle(
    _ intervals: [Duration?], _ change: (ConnectionCore, ConnectionCore) -> Void = { _, _ in }
  ) throws -> [[Int]] {
    let lab = try QUICLaboratory { side, configuration in
      configuration.idleTimeout = .seconds(300)
      configuration.keepAlive = intervals[side]
    }
    let (client, server) = try lab.connected()
    change(client, server)
    lab.drain()
    lab.run(for: .seconds(120))
    var passed: [[Int]] = [[], []]
    lab.tap = { flight in
      passed[1 - flight.to].append(flight.bytes.count)
      return true
    }
    lab.run(for: .seconds(3600))
    #expect(client.phase == .open && server.phase == .open)
    return passed
  }

  /// What is said unasked, in as few bytes as an answer to it cannot be told from (RFC 9000, 10.3); and what answers it.
  private static func count(_ passed: [Int]) -> (pings: Int, answers: Int) {
    // An answer says what has come: some bytes more.
    #expect(passed.allSatisfy { $0 <= 40 }, "\(passed.max() ?? 0)")
    return (passed.count { $0 <= 32 }, passed.count { $0 > 32 })
  }

  @Test("does so with 32 bytes at most, and once for both sides")
  func both() throws {
    let passed = try Self.idle([.seconds(40), .seconds(40)]).map(Self.count)
    #expect((88...91).contains(passed[0].pings + passed[1].pings), "\(passed)")
    #expect((88...91).contains(passed[0].answers + passed[1].answers), "\(passed)")
  }

  @Test("does so as often as the side wants that wants it more often", arguments: [0, 1])
  func different(quicker: Int) throws {
    let intervals: [Duration] = quicker == 0 ? [.seconds(20), .seconds(60)] : [.seconds(60), .seconds(20)]
    let passed = try Self.idle(intervals).map(Self.count)
    #expect((170...181).contains(passed[quicker].pings), "\(passed)")
    #expect(passed[1 - quicker].pings == 0, "\(passed)")
  }

  @Test("does so less often, or more often, as soon as that is wanted", arguments: [40, 5])
  func changed(seconds: Int) throws {
    let passed = try Self.idle([.seconds(15), .seconds(15)]) { client, server in
      for core in [client, server] { core.sayAlive(every: .seconds(seconds)) }
    }.map(Self.count)
    let pings = passed[0].pings + passed[1].pings
    #expect(((3600 / seconds) * 95 / 100...3600 / seconds + 1).contains(pings), "\(passed)")
  }

  @Test("is over when no answer comes, though it may be silent for longer")
  func unanswered() throws {
    let lab = try QUICLaboratory { side, configuration in
      configuration.idleTimeout = .seconds(300)
      configuration.answerTimeout = .seconds(20)
      configuration.keepAlive = .seconds(100)
    }
    let (client, server) = try lab.connected()
    #expect(client.agreedIdleTimeout == .seconds(300))
    lab.run(for: .seconds(1000))
    #expect(client.phase == .open && server.phase == .open)
    lab.loss = 1
    let start = lab.now
    lab.run(for: .seconds(300)) { client.error != nil && server.error != nil }
    #expect(client.error == QUICError(.idle) && server.error == QUICError(.idle))
    #expect((.seconds(20)...(.seconds(121))).contains(start.duration(to: lab.now)))
  }

  @Test("asks again where a sign of life, or its answer, is lost", arguments: [0, 1], [1, 7])
  func lost(side: Int, losses: Int) throws {
    let lab = try QUICLaboratory { _, configuration in
      configuration.idleTimeout = .seconds(300)
      configuration.answerTimeout = .seconds(20)
      configuration.keepAlive = .seconds(100)
    }
    let (client, server) = try lab.connected()
    var (lost, passed) = (0, 0)
    lab.tap = { flight in
      if flight.to == side, lost < losses {
        lost += 1
        return false
      }
      passed += 1
      return true
    }
    lab.run(for: .seconds(1000))
    #expect(client.phase == .open && server.phase == .open)
    #expect(lost == losses && (18...30).contains(passed), "\(passed)")
  }

  @Test("agrees on the shorter of both sides' patience")
  func agreed() throws {
    let lab = try QUICLaboratory { side, configuration in
      configuration.idleTimeout = .seconds(side == 0 ? 300 : 30)
    }
    let (client, server) = try lab.connected()
    #expect(client.agreedIdleTimeout == .seconds(30) && server.agreedIdleTimeout == .seconds(30))
  }
}

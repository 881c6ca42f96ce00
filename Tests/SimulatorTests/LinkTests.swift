import Testing
import WarrenMachine

@testable import WarrenSimulator

@Suite("A link")
struct LinkTests {
  private func link(_ change: (inout LinkConfiguration) -> Void) -> Link {
    Link(changed(LinkConfiguration(latency: .milliseconds(10)), change), random: SimulatorRandom(seed: 5))
  }

  private func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

  /// When packets that enter a millisecond apart arrive, twice where they do; nil for those that are lost.
  private func arrivals(_ link: inout Link, count: Int) -> [[Instant]] {
    (0..<count).map { index in
      switch link.carry(100, at: at(Int64(index))) {
      case .arrives(let time): [time]
      case .arrivesTwice(let first, let second): [first, second]
      case .lost: []
      }
    }
  }

  @Test("delays by its latency, exactly where there is no jitter")
  func latency() {
    var link = link { _ in }
    #expect(link.carry(100, at: at(5)) == .arrives(at: at(15)))
  }

  @Test("delays by up to its jitter more, and keeps the order")
  func jitter() {
    var link = link { $0.jitter = .milliseconds(8) }
    let times = arrivals(&link, count: 1000).map { $0[0] }
    #expect(times == times.sorted())
    let delays = times.enumerated().map { at(Int64($0)).duration(to: $1) }
    #expect(delays.allSatisfy { $0 >= .milliseconds(10) && $0 <= .milliseconds(18) })
    #expect(delays.max()! > .milliseconds(17))
  }

  @Test("loses the share that it is told", arguments: [0.0, 0.1, 0.5, 1.0])
  func loss(share: Double) {
    var link = link { $0.loss = share }
    let lost = arrivals(&link, count: 10_000).filter(\.isEmpty).count
    // Three standard deviations of a binomial distribution.
    let deviation = 3 * (10_000 * share * (1 - share)).squareRoot()
    #expect(abs(Double(lost) - 10_000 * share) <= deviation)
  }

  @Test(
    "makes another byte of one in the share of packets that it is told, and loses segments of TCP instead")
  func corruption() throws {
    var link = link { $0.corruption = 0.25 }
    let ends = (
      SocketAddress(IPAddress(203, 0, 113, 1), port: 1), SocketAddress(IPAddress(203, 0, 113, 2), port: 2)
    )
    let datagram = Packet(from: ends.0, to: ends.1, .udp(Payload([UInt8](repeating: 7, count: 100))))
    var changed = 0
    for _ in 0..<10_000 {
      guard case .udp(let payload)? = (link.spoils() ? link.spoil(datagram) : datagram)?.content else {
        Issue.record("a datagram was lost")
        return
      }
      let others = payload.bytes.count { $0 != 7 }
      #expect(payload.count == 100 && others <= 1)
      changed += others
    }
    // Three standard deviations of a binomial distribution.
    #expect(abs(changed - 2500) <= 130)
    let segment = Packet(from: ends.0, to: ends.1, .tcp(TCPSegment(.ack, sequence: 1)))
    let lost = (0..<10_000).count { _ in link.spoils() && link.spoil(segment) == nil }
    #expect(abs(lost - 2500) <= 130)
  }

  @Test("loses in bursts of the length that its ending probability gives")
  func bursts() {
    var link = link { $0.burstLoss = LinkConfiguration.BurstLoss(begins: 0.01, ends: 0.1) }
    let outcomes = arrivals(&link, count: 50_000).map(\.isEmpty)
    let lost = outcomes.filter { $0 }.count
    let bursts = zip(outcomes, outcomes.dropFirst()).filter { !$0 && $1 }.count
    let meanLength = Double(lost) / Double(bursts)
    #expect((8...12).contains(meanLength), "bursts of \(meanLength) packets, not of 10")
    // In the long run begins / (begins + ends) of all packets lie in bursts: one eleventh.
    #expect((0.07...0.11).contains(Double(lost) / 50_000))
  }

  @Test("lets packets overtake those that it holds up")
  func reordering() {
    var link = link { $0.reordering = 0.2 }
    let times = arrivals(&link, count: 1000).map { $0[0] }
    let overtaken = zip(times, times.dropFirst()).filter { $0 > $1 }.count
    #expect((100...250).contains(overtaken))
  }

  @Test("doubles the share that it is told")
  func duplication() {
    var link = link { $0.duplication = 0.25 }
    let doubled = arrivals(&link, count: 10_000).filter { $0.count == 2 }.count
    #expect((2370...2630).contains(doubled))
  }

  @Test("takes the time that its rate needs, and makes what follows wait")
  func rate() {
    var link = link { $0.bitsPerSecond = 1_000_000 }
    // 1,250 bytes are 10 ms at 1 Mbit/s.
    #expect(link.carry(1250, at: at(0)) == .arrives(at: at(20)))
    #expect(link.carry(1250, at: at(0)) == .arrives(at: at(30)))
    #expect(link.backlog(at: at(0)) == 2500)
    #expect(link.backlog(at: at(15)) == 625)
    #expect(link.carry(1250, at: at(100)) == .arrives(at: at(120)))
  }

  @Test("loses what comes when its queue is full")
  func queue() {
    var link = link {
      $0.bitsPerSecond = 1_000_000
      $0.queueBytes = 5000
    }
    let fates = (0..<10).map { _ in link.carry(1250, at: at(0)) }
    // The queue, and the packet that is being sent.
    #expect(fates.filter { $0 != .lost(.queueFull) }.count == 5)
    #expect(fates.suffix(5).allSatisfy { $0 == .lost(.queueFull) })
  }

  @Test("carries nothing when it is down")
  func down() {
    var link = link { $0.isUp = false }
    #expect(link.carry(100, at: at(0)) == .lost(.down))
  }

  @Test("takes whatever numbers it is given")
  func oddNumbers() {
    var endless = link {
      $0.bitsPerSecond = 1_000_000
      $0.queueBytes = .max
    }
    #expect(endless.carry(1250, at: at(0)) == .arrives(at: at(20)))
    var stopped = link { $0.bitsPerSecond = 0 }
    #expect(stopped.carry(1, at: at(0)) == .lost(.down))
    var eternal = link { $0.latency = .seconds(Int64.max) }
    #expect(eternal.carry(1, at: at(5)) == .arrives(at: .distantFuture))
  }
}

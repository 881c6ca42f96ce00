import Testing
import WarrenMachine
import WarrenRegistry

@Suite("Two who know the same key")
struct PairingDeskTests {
  private static let start = Instant(nanoseconds: 0)
  private static let alice = SocketAddress(IPAddress(192, 0, 2, 1), port: 1111)
  private static let bob = SocketAddress(IPAddress(198, 51, 100, 2), port: 2222)

  private func refusal(_ body: () throws -> Void) -> RegistryError.Code? {
    do {
      try body()
      return nil
    } catch {
      return (error as? RegistryError)?.code
    }
  }

  @Test("are told of each other once, and the key is free again")
  func pairs() throws {
    var desk = PairingDesk()
    let ticket = try desk.wait(with: "secret", .init(.udp, at: Self.alice), at: Self.start)
    let found = try desk.ask(with: "secret", .init(.udp, at: Self.bob), from: Self.bob.ip)
    #expect(found.ticket == ticket && found.offer.address == Self.alice)
    #expect(desk.count == 0)
    #expect(
      refusal { _ = try desk.ask(with: "secret", .init(.udp, at: Self.bob), from: Self.bob.ip) }
        == .nobodyWaits)
    _ = try desk.wait(with: "secret", .init(.tcp, at: Self.bob), at: Self.start)
    #expect(desk.takeExpired(at: Self.start.advanced(by: .seconds(29))) == [])
  }

  @Test("are not brought together with others")
  func others() throws {
    var desk = PairingDesk()
    let offer = PairingDesk.Offer(.udp, at: Self.alice, expecting: Self.bob.ip)
    _ = try desk.wait(with: "secret", offer, at: Self.start)
    let stranger = SocketAddress(IPAddress(203, 0, 113, 9), port: 9)
    #expect(
      refusal { _ = try desk.ask(with: "other", .init(.udp, at: Self.bob), from: Self.bob.ip) }
        == .nobodyWaits)
    #expect(
      refusal { _ = try desk.ask(with: "secret", .init(.udp, at: stranger), from: stranger.ip) }
        == .nobodyWaits)
    #expect(
      refusal { _ = try desk.ask(with: "secret", .init(.tcp, at: Self.bob), from: Self.bob.ip) }
        == .nobodyWaits)
    let elsewhere = PairingDesk.Offer(.udp, at: Self.bob, expecting: stranger.ip)
    #expect(refusal { _ = try desk.ask(with: "secret", elsewhere, from: Self.bob.ip) } == .nobodyWaits)
    // None of them has sent away the one for whom Alice waits.
    let mapped = try IPAddress("::ffff:198.51.100.2")
    #expect(try desk.ask(with: "secret", .init(.udp, at: Self.bob), from: mapped).offer == offer)
  }

  @Test("must have one that is a key, and that nobody else has")
  func keys() throws {
    var desk = PairingDesk()
    let long = String(repeating: "k", count: 257)
    for key in ["", long] {
      #expect(
        refusal { _ = try desk.wait(with: key, .init(.udp, at: Self.alice), at: Self.start) } == .badKey)
      #expect(
        refusal { _ = try desk.ask(with: key, .init(.udp, at: Self.alice), from: Self.bob.ip) } == .badKey)
    }
    let ticket = try desk.wait(with: "k", .init(.udp, at: Self.alice), at: Self.start)
    #expect(refusal { _ = try desk.wait(with: "k", .init(.udp, at: Self.bob), at: Self.start) } == .keyInUse)
    desk.leave(ticket)
    desk.leave(ticket)
    _ = try desk.wait(with: "k", .init(.udp, at: Self.bob), at: Self.start)
  }

  @Test("do not wait for ever, and who has gone is not waited for")
  func patience() throws {
    var desk = PairingDesk(patience: .seconds(30), capacity: 3)
    var tickets: [PairingDesk.Ticket] = []
    for second in 0..<3 {
      let now = Self.start.advanced(by: .seconds(second))
      tickets.append(try desk.wait(with: "key \(second)", .init(.udp, at: Self.alice), at: now))
    }
    #expect(refusal { _ = try desk.wait(with: "k", .init(.udp, at: Self.alice), at: Self.start) } == .full)
    desk.leave(tickets[0])
    #expect(desk.takeExpired(at: Self.start.advanced(by: .seconds(31))) == [tickets[1]])
    #expect(desk.nextDeadline == Self.start.advanced(by: .seconds(32)))
    #expect(desk.takeExpired(at: Self.start.advanced(by: .seconds(32))) == [tickets[2]])
    #expect(desk.count == 0 && desk.nextDeadline == nil)
    // Whoever comes and goes all the time fills nothing but its own time.
    var refusals = 0
    for number in 0..<100 {
      do {
        desk.leave(try desk.wait(with: "key \(number)", .init(.udp, at: Self.alice), at: Self.start))
      } catch { refusals += 1 }
    }
    #expect(refusals == 100 - 4 * 3)
    #expect(desk.takeExpired(at: Self.start) == [])
    _ = try desk.wait(with: "k", .init(.udp, at: Self.alice), at: Self.start)
  }
}

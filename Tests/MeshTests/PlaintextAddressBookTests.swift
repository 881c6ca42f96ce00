import Testing
import WarrenMachine
import WarrenMesh

@Suite("Addresses that were heard of")
struct PlaintextAddressBookTests {
  private func at(_ seconds: Int) -> Instant { Instant(nanoseconds: Int64(seconds) * 1_000_000_000) }
  private func address(_ number: Int) -> SocketAddress {
    SocketAddress(IPAddress(v4: 0xC000_0200 + UInt32(number)), port: 8001)
  }

  @Test("are tried three at a time, and only as far as there is room")
  func dials() {
    var book = PlainAddressBook(seed: 3)
    #expect(book.heard(of: (0..<8).map(address), at: at(0)).count == 8)
    #expect(book.heard(of: (0..<9).map(address), at: at(0)) == [address(8)])
    #expect(book.nextDials(room: 0, at: at(1)).isEmpty && book.nextDeadline(room: 0) == .distantFuture)
    let first = book.nextDials(room: 10, at: at(1))
    #expect(first.count == 3 && book.nextDials(room: 10, at: at(1)).isEmpty)
    #expect(book.nextDeadline(room: 10) == .distantFuture)
    book.linked(first[0], at: at(1))
    #expect(book.nextDeadline(room: 10) <= at(1))
    let second = book.nextDials(room: 10, at: at(1))
    #expect(second.count == 1 && !first.contains(second[0]))
  }

  @Test("are not tried where this node itself is, or a connection")
  func own() {
    var book = PlainAddressBook(seed: 3)
    book.isOwn(address(1), at: at(0))
    book.linked(address(2), at: at(0))
    #expect(book.heard(of: [address(1), address(2)], at: at(0)).isEmpty)
    #expect(book.nextDials(room: 10, at: at(1000)).isEmpty)
    #expect(book.addresses == [address(2)])
    book.unlinked(address(2), at: at(1000))
    #expect(book.nextDials(room: 10, at: at(1029)).isEmpty)
    #expect(book.nextDials(room: 10, at: at(1030)) == [address(2)])
  }

  @Test("are tried less and less often where nobody answers, and at once where somebody wants it")
  func failures() {
    var book = PlainAddressBook(seed: 3)
    _ = book.heard(of: [address(1)], at: at(0))
    var now = at(1)
    var pauses: [Int64] = []
    for _ in 0..<7 {
      #expect(book.nextDials(room: 10, at: now) == [address(1)])
      book.failed(address(1), at: now)
      let next = book.nextDeadline(room: 10)
      pauses.append(now.duration(to: next).components.seconds)
      now = next
    }
    #expect(pauses == [30, 60, 120, 240, 480, 480, 480])
    book.retry(at: at(10))
    #expect(book.nextDials(room: 10, at: at(10)) == [address(1)])
  }

  @Test("are no more than there is room for: who was never reached makes some")
  func crowd() {
    var book = PlainAddressBook(seed: 3)
    #expect(book.heard(of: (0..<1000).map(address), at: at(0)).count == PlainLimits.addresses)
    #expect(book.heard(of: [address(2000)], at: at(0)).isEmpty)
    let dialled = book.nextDials(room: 10, at: at(1))
    book.failed(dialled[0], at: at(1))
    #expect(book.heard(of: [address(2000), address(2001)], at: at(1)) == [address(2000)])
    #expect(!book.addresses.contains(dialled[0]))
  }
}

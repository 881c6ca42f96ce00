import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenRegistry

@Suite("Who is there, in memory")
struct MemoryStoreTests {
  private static let start = Instant(nanoseconds: 1_000_000_000_000)
  private static let terms = RegistryTerms(lifetime: .seconds(30), nameLifetime: .seconds(600))

  private static func at(_ seconds: Double) -> Instant { start.advanced(by: .seconds(seconds)) }

  private static func owner(_ number: UInt32) -> RegistryOwner {
    let bytes = [UInt8](repeating: 0, count: 28) + [24, 16, 8, 0].map { UInt8(number >> $0 & 0xFF) }
    return .key(PeerID(bytes: bytes.span.bytes)!)
  }

  private static func put(
    _ store: MemoryStore, _ number: UInt32, _ name: String? = nil, at now: Double, isListed: Bool = true
  ) throws {
    try store.put(
      Registration(of: owner(number), named: name.map { try RegistryName($0) }, isListed: isListed),
      for: terms, at: at(now))
  }

  @Test("is found by name and by key until its time is over, and not a moment longer")
  func expiry() throws {
    let store = MemoryStore(at: Self.start)
    try Self.put(store, 1, "Alice", at: 0)
    let name = try RegistryName("alice")
    #expect(store.registration(named: name, at: Self.at(29.999))?.name?.text == "Alice")
    #expect(store.registration(named: name, at: Self.at(30)) == nil)
    #expect(store.registration(of: Self.owner(1), at: Self.at(30)) == nil)
    #expect(throws: RegistryError.self) { try store.renew(Self.owner(1), for: Self.terms, at: Self.at(30)) }
  }

  @Test("stays while it is renewed, and goes at once when it says so")
  func renewal() throws {
    let store = MemoryStore(at: Self.start)
    try Self.put(store, 1, "Alice", at: 0)
    for turn in 1...100 {
      try store.renew(Self.owner(1), for: Self.terms, at: Self.at(Double(turn) * 20))
      #expect(store.count(at: Self.at(Double(turn) * 20)) == 1)
    }
    #expect(store.remove(Self.owner(1), at: Self.at(2001))?.name?.text == "Alice")
    #expect(store.remove(Self.owner(1), at: Self.at(2001)) == nil)
    #expect(store.count(at: Self.at(2001)) == 0)
    #expect(store.registration(named: try RegistryName("Alice"), at: Self.at(2001)) == nil)
  }

  @Test("keeps its name when it goes, for as long as was said")
  func names() throws {
    let store = MemoryStore(at: Self.start)
    try Self.put(store, 1, "Alice", at: 0)
    let error = #expect(throws: RegistryError.self) { try Self.put(store, 2, "ALICE", at: 1) }
    #expect(error?.code == .nameTaken)
    // It is gone since 30 s, and its name is kept for 600 more.
    #expect(throws: RegistryError.self) { try Self.put(store, 2, "Alice", at: 629) }
    try Self.put(store, 2, "Alice", at: 631)
    #expect(store.registration(named: try RegistryName("Alice"), at: Self.at(632))?.owner == Self.owner(2))
    #expect(throws: RegistryError.self) { try Self.put(store, 1, "Alice", at: 633) }
  }

  @Test("comes back to its name, and gives it up for another")
  func comesBack() throws {
    let store = MemoryStore(at: Self.start)
    try Self.put(store, 1, "Alice", at: 0)
    try Self.put(store, 1, "Alice", at: 300)
    #expect(store.count(at: Self.at(301)) == 1)
    try Self.put(store, 1, "Alicia", at: 302)
    try Self.put(store, 2, "Alice", at: 303)
    #expect(store.count(at: Self.at(304)) == 2)
    #expect(store.registration(named: try RegistryName("Alicia"), at: Self.at(304))?.owner == Self.owner(1))
  }

  @Test("is not counted any more when another has taken its name")
  func nameTaken() throws {
    let store = MemoryStore(at: Self.start)
    let terms = RegistryTerms(lifetime: .milliseconds(500), nameLifetime: .zero)
    for number in 1...2 as ClosedRange<UInt32> {
      let registration = Registration(of: Self.owner(number), named: try RegistryName("Alice"))
      try store.put(registration, for: terms, at: Self.at(Double(number) * 0.5 - 0.5))
    }
    #expect(store.count(at: Self.at(0.6)) == 1)
    #expect(store.count(at: Self.at(3)) == 0)
  }

  @Test("is listed page by page, if it wants to be")
  func list() throws {
    let store = MemoryStore(at: Self.start)
    for number in 0..<250 as Range<UInt32> {
      try Self.put(store, number, number % 2 == 0 ? "peer \(number)" : nil, at: 0, isListed: number % 5 != 0)
    }
    var seen: [RegistryOwner] = []
    var start: RegistryPage.Start?
    var pages = 0
    repeat {
      let page = store.list(start, limit: 30, at: Self.at(1))
      #expect(page.registrations.count <= 30)
      seen += page.registrations.map(\.owner)
      start = page.next
      pages += 1
    } while start != nil && pages < 20
    #expect(seen.count == 200 && Set(seen).count == 200)
    #expect(store.list(nil, limit: 30, at: Self.at(31)).registrations.isEmpty)
    #expect(store.list(RegistryPage.Start(place: -5), limit: 1, at: Self.at(1)).registrations.count == 1)
    #expect(store.list(RegistryPage.Start(place: .max / 2), limit: 1, at: Self.at(1)).registrations.isEmpty)
  }

  @Test("takes no more than it has room for, and has room again")
  func capacity() throws {
    let store = MemoryStore(capacity: 10, at: Self.start)
    for number in 0..<10 as Range<UInt32> { try Self.put(store, number, at: 0) }
    let error = #expect(throws: RegistryError.self) { try Self.put(store, 10, at: 1) }
    #expect(error?.code == .full)
    try Self.put(store, 3, at: 2)
    #expect(store.count(at: Self.at(31.5)) == 1)
    for number in 20..<29 as Range<UInt32> { try Self.put(store, number, at: 32) }
    #expect(store.count(at: Self.at(32)) == 9)
  }

  /// What a store should say, by looking at everybody each time.
  private struct Model {
    var known: [UInt32: (name: String?, expires: Double, nameExpires: Double)] = [:]

    func holder(of name: String, at now: Double) -> UInt32? {
      known.first { $0.value.name == name && now < $0.value.nameExpires }?.key
    }
  }

  @Test("is who a slow list says is there, whatever happens", arguments: 1...20 as ClosedRange<UInt64>)
  func model(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let store = MemoryStore(at: Self.start)
    var model = Model()
    var now = 0.0
    for _ in 0..<3000 {
      now +=
        Double.random(in: 0..<4, using: &random) * (Int.random(in: 0..<200, using: &random) == 0 ? 100 : 1)
      let number = UInt32.random(in: 0..<30, using: &random)
      let name = Bool.random(using: &random) ? "name \(Int.random(in: 0..<20, using: &random))" : nil
      let isThere = model.known[number].map { now < $0.expires } ?? false
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<4:
        let holder = name.flatMap { model.holder(of: $0, at: now) }
        do {
          try Self.put(store, number, name, at: now)
          #expect(holder == nil || holder == number)
          if let name {
            for (other, value) in model.known where value.name == name && other != number {
              model.known[other]?.name = nil
            }
          }
          model.known[number] = (name, now + 30, now + 630)
        } catch {
          #expect(holder != nil && holder != number)
        }
      case 4..<8:
        do {
          try store.renew(Self.owner(number), for: Self.terms, at: Self.at(now))
          #expect(isThere)
          model.known[number]?.expires = now + 30
          model.known[number]?.nameExpires = now + 630
        } catch {
          #expect(!isThere)
        }
      case 8:
        #expect((store.remove(Self.owner(number), at: Self.at(now)) != nil) == isThere)
        if isThere { model.known[number]?.expires = now }
      default:
        if let name {
          let holder = model.known.first { $0.value.name == name && now < $0.value.expires }?.key
          let found = store.registration(named: try RegistryName(name), at: Self.at(now))
          #expect(found?.owner == holder.map(Self.owner))
        }
      }
      let there = model.known.values.filter { now < $0.expires }.count
      // Whoever has gone within the last second may be counted still.
      let lately = model.known.values.filter { now < $0.expires + 1 }.count
      let count = store.count(at: Self.at(now))
      #expect(there <= count && count <= lately)
    }
  }
}

import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine

@testable import WarrenRegistry

@Suite("What peers and registries say to each other")
struct MessageReaderTests {
  typealias Samples = MessageSamples

  /// What is found in bytes that come in these pieces: numbers, and messages or what is wrong with them.
  private func read(_ pieces: [[UInt8]]) throws(RegistryError) -> [(
    UInt32, Result<RegistryMessage?, RegistryError>
  )] {
    var reader = MessageReader()
    var found: [(UInt32, Result<RegistryMessage?, RegistryError>)] = []
    for piece in pieces {
      reader.append(piece)
      while let incoming = try reader.next() { found.append((incoming.request, incoming.message)) }
      #expect(reader.waiting < RegistryLimits.messageBytes + 2)
    }
    #expect(reader.waiting == 0)
    return found
  }

  /// What is wrong with a message, behind which another one is read.
  private func flaw(_ bytes: [UInt8]) throws -> RegistryError? {
    let found = try read([bytes + Samples.bytes(.done)])
    #expect(found.count == 2 && found.last?.1 == .success(.done), "what follows is read")
    #expect(found.first?.0 == 7)
    guard case .failure(let error) = found.first?.1 else { return nil }
    #expect(!error.reason.isEmpty)
    return error
  }

  @Test("is read as it was written, whatever is in it", arguments: MessageSamples.all)
  func roundTrip(message: RegistryMessage) throws {
    let bytes = Samples.bytes(message, as: .max)
    #expect(bytes.count <= RegistryLimits.messageBytes + 2)
    let found = try read([bytes])
    #expect(found.count == 1 && found[0].0 == .max && found[0].1 == .success(message))
  }

  @Test("is the same however it is cut", arguments: 0..<20 as Range<UInt64>)
  func cuts(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let messages = Samples.all.shuffled(using: &random)
    let whole = messages.flatMap { Samples.bytes($0) }
    var pieces: [[UInt8]] = []
    var place = 0
    while place < whole.count {
      let most = seed == 0 ? 1 : [1, 3, 100, 5000, 70_000].randomElement(using: &random)!
      let end = min(whole.count, place + Int.random(in: 1...most, using: &random))
      pieces.append(Array(whole[place..<end]))
      place = end
    }
    #expect(try read(pieces).map { $0.1 } == messages.map { .success($0) })
  }

  @Test("may be of a kind, or have fields, that only newer programs know")
  func newer() throws {
    for kind: UInt8 in [12, 63, 73, 127, 130, 255] {
      let found = try read([Samples.bytes(kind, [(1, [0xFF]), (200, [1, 2])])])
      #expect(found.count == 1 && found[0].1 == .success(nil))
    }
    for message in Samples.all {
      var bytes = Samples.bytes(message)
      bytes += [0, 0, 0, 99, 0, 3, 1, 2, 3, 255, 0, 0]
      let size = bytes.count - 2
      (bytes[0], bytes[1]) = (UInt8(size >> 8), UInt8(size & 0xFF))
      guard size <= RegistryLimits.messageBytes else { continue }
      #expect(try read([bytes]).map { $0.1 } == [.success(message)])
    }
  }

  /// A kind, its fields, and what is wrong with them.
  private static let bad: [(UInt8, [(UInt8, [UInt8])], RegistryError.Code)] = {
    let long = [UInt8](repeating: 1, count: 9000)
    let key = [UInt8](repeating: 5, count: 32)
    func many(_ field: UInt8, _ value: [UInt8], _ count: Int) -> [(UInt8, [UInt8])] {
      Array(repeating: (field, value), count: count)
    }
    var all: [(UInt8, [(UInt8, [UInt8])], RegistryError.Code)] = [
      // A name.
      (4, [(1, [])], .badName), (4, [(1, Array(long.prefix(65)))], .badName), (4, [(1, [0xFF])], .badName),
      (4, [(1, [0x61, 0xC0, 0x80])], .badName), (4, [(1, [0x1B, 0x5B])], .badName),
      (4, [(1, [0x20, 0x61])], .badName), (1, [(1, [])], .badName),
      // A key.
      (5, [(2, [])], .badMessage), (5, [(2, Array(key.dropLast()))], .badMessage),
      (5, [(2, key + [1])], .badMessage),
      // Addresses.
      (1, many(3, [0, 1, 10, 0, 0, 1], RegistryLimits.addresses + 2), .badMessage),
      // A packet, a signal.
      (8, [(2, key)] + many(5, [1], RegistryLimits.flightPackets + 1), .badMessage),
      (8, [(2, key), (5, [])], .badMessage),
      (8, [(2, key), (5, Array(long.prefix(RegistryLimits.packetBytes + 1)))], .badMessage),
      (128, [(7, [UInt8](repeating: 0, count: 8)), (6, long)], .badMessage),
      // Keys that are allowed.
      (1, many(12, key, RegistryLimits.allowedPeers + 1), .badMessage), (1, [(12, [1])], .badMessage),
      // A secret.
      (7, [(13, [0xFF, 0xFE])], .badKey),
      // Registrations.
      (68, many(14, [2, 0, 32] + key, RegistryLimits.page + 1), .badMessage), (67, [(14, [])], .badMessage),
      (67, [(14, [2, 0, 32])], .badMessage), (67, [(14, [1])], .badMessage),
      (67, [(14, [1, 0, 0])], .badName),
      // What was attested.
      (1, many(16, [UInt8](repeating: 1, count: 14), RegistryLimits.attestedAddresses + 1), .badMessage),
      (1, [(16, [])], .badMessage), (1, [(16, [UInt8](repeating: 1, count: 8))], .badMessage),
      (1, [(16, [UInt8](repeating: 1, count: 15))], .badMessage),
    ]
    // What was attested at relays, and told.
    all += [
      (1, many(23, [UInt8](repeating: 1, count: 14), RegistryLimits.relayedAddresses + 1), .badMessage),
      (1, [(23, [])], .badMessage), (1, [(23, [UInt8](repeating: 1, count: 8))], .badMessage),
      (1, [(23, [UInt8](repeating: 1, count: 15))], .badMessage),
      (71, many(24, [0, 1, 10, 0, 0, 1], RegistryLimits.relayedAddresses + 1), .badMessage),
    ]
    for size in [0, 1, 5, 7, 17, 19, 255] {
      for field: UInt8 in [3, 24] {
        all.append((1, [(field, [UInt8](repeating: 1, count: size))], .badMessage))
      }
    }
    // Numbers of another size.
    let introduction: (UInt8, [UInt8]) = (7, [UInt8](repeating: 1, count: 8))
    for (field, size) in [(4, 1), (7, 8), (8, 2), (10, 4), (11, 4), (15, 1)] as [(UInt8, Int)] {
      for wrong in [0, size - 1, size + 1, 300] where wrong != size {
        all.append((129, [introduction, (field, [UInt8](repeating: 1, count: wrong))], .badMessage))
      }
    }
    // What a relay is told.
    let grant: [(UInt8, [UInt8])] = [(10, [0, 0, 0, 1]), (17, [1]), (18, [0x61]), (19, [0x62])]
    for place in grant.indices {
      var rest = grant
      rest.remove(at: place)
      all.append((72, rest, .badMessage))
    }
    all.append((72, grant + [(17, [])], .badMessage))
    all.append((72, grant + [(17, [1, 1])], .badMessage))
    for field: UInt8 in 18...22 {
      all.append((72, grant + [(field, Array(long.prefix(RegistryLimits.credentialBytes + 1)))], .badMessage))
    }
    for field: UInt8 in 18...20 { all.append((72, grant + [(field, [0xFF])], .badMessage)) }
    // What is missing.
    for kind: UInt8 in [4, 5, 7, 8, 9, 10, 64, 66, 67, 69, 70, 71, 72, 128, 129] {
      all.append((kind, [], .badMessage))
    }
    all.append((64, [(3, [0, 1, 10, 0, 0, 1])], .badMessage))
    all.append((69, [introduction], .badMessage))
    all.append((70, [introduction], .badMessage))
    return all
  }()

  @Test("is refused alone where a field is wrong, missing or too much", arguments: 0..<bad.count)
  func fields(number: Int) throws {
    let (kind, fields, code) = Self.bad[number]
    #expect(try flaw(Samples.bytes(kind, fields))?.code == code, "kind \(kind), \(fields.prefix(3))")
  }

  @Test("is refused where a field says that it is longer than the message")
  func overrun() throws {
    for tail in [[1], [1, 0], [1, 0, 1], [3, 0, 6, 0, 1, 10], [200, 255, 255, 0]] as [[UInt8]] {
      let size = UInt8(5 + tail.count)
      #expect(try flaw([0, size, 0, 0, 0, 0, 7] + tail)?.code == .badMessage)
    }
  }

  @Test("ends where its length cannot be one", arguments: [0, 1, 4, RegistryLimits.messageBytes + 1, 65_535])
  func lengths(size: Int) throws {
    var reader = MessageReader()
    reader.append(Samples.bytes(.done) + [UInt8(size >> 8), UInt8(size & 0xFF)])
    #expect(try reader.next()?.message == .success(.done))
    let error = #expect(throws: RegistryError.self) { try reader.next() }
    #expect(error?.code == .badMessage)
  }

  @Test("is no registration in a registration in a registration, however deep")
  func nesting() throws {
    var field: [UInt8] = [2, 0, 32] + [UInt8](repeating: 5, count: 32)
    while field.count + 3 + 5 <= RegistryLimits.messageBytes {
      field = [14, UInt8(field.count >> 8), UInt8(field.count & 0xFF)] + field
    }
    let size = field.count + 5
    #expect(try flaw([UInt8(size >> 8), UInt8(size & 0xFF), 0, 0, 0, 0, 7] + field)?.code == .badMessage)
  }

  @Test("is rubbish, and then it is an error or nothing that was meant, and never more than a message waits")
  func rubbish() throws {
    var random = SeededRandom(5)
    for _ in 0..<3000 {
      var bytes = Samples.bytes(Samples.all.randomElement(using: &random)!)
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        // Its length stays: what is within it is wrong.
        bytes[Int.random(in: 2..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      let found = try read([bytes + Samples.bytes(.done)])
      #expect(found.count == 2 && found.last?.1 == .success(.done))
    }
    for _ in 0..<1000 {
      var reader = MessageReader()
      do throws(RegistryError) {
        for _ in 0..<10 {
          reader.append(random.bytes(Int.random(in: 0...900, using: &random)))
          while try reader.next() != nil {}
          #expect(reader.waiting <= RegistryLimits.messageBytes + 2)
        }
      } catch {
        #expect(error.code == .badMessage)
      }
    }
  }

  @Test("fits a message, whatever this side's own program wants to say")
  func tooMuchToSay() throws {
    let letter = "e" + String(repeating: "\u{301}", count: 40_000)
    for reason in [letter, String(repeating: "ж", count: 50_000), Samples.longReason + "r"] {
      for message in [.deny(1, reason: reason), .failed(RegistryError(.denied, reason))] as [RegistryMessage]
      {
        let bytes = Samples.bytes(message)
        #expect(bytes.count < 400)
        #expect(try flaw(bytes) == nil)
      }
    }
    let key = String(repeating: "k", count: 100_000)
    #expect(try read([Samples.bytes(.wait(key: key))]).count == 1)
    let crowd = Array(repeating: Samples.addresses[0], count: 5000)
    let packets = Array(repeating: [UInt8](repeating: 1, count: 70_000), count: 50)
    let content = Introduction.Content(flight: packets, signal: packets[0])
    for message in [
      .register(Announcement(at: crowd)), .accept(1, addresses: crowd), .signal(1, packets[0]),
      .introduce(Introduction.Request(.pairing(key), at: crowd, content)),
    ] as [RegistryMessage] {
      let bytes = Samples.bytes(message)
      #expect(bytes.count <= RegistryLimits.messageBytes + 2)
      // Who reads it finds out that it was too much.
      let found = try read([bytes])
      #expect(found.count == 1 && found[0].1 != .success(message))
    }
  }

  @Test("gives reasons that a person can be shown")
  func reasons() throws {
    let found = try read([Samples.bytes(.deny(1, reason: "no\u{1B}[2J\u{202E}\nnever"))])
    #expect(found.map { $0.1 } == [.success(.deny(1, reason: "no\u{FFFD}[2J\u{FFFD}\u{FFFD}never"))])
    // Cut where it is too long, and not within a letter.
    let long = String(repeating: "a", count: RegistryLimits.reasonBytes - 1)
    #expect(
      try read([Samples.bytes(.deny(1, reason: long + "ж"))]).map { $0.1 } == [
        .success(.deny(1, reason: long))
      ])
    let cut = Samples.bytes(66, [(8, [0, 9]), (9, [0xD0])])
    #expect(try read([cut]).map { $0.1 } == [.success(.failed(RegistryError(.denied, "\u{FFFD}")))])
  }

  @Test("names errors that an older program does not know")
  func codes() throws {
    for number: UInt16 in [0, 16, 999, .max] {
      let bytes = Samples.bytes(66, [(8, [UInt8(number >> 8), UInt8(number & 0xFF)])])
      #expect(try read([bytes]).map { $0.1 } == [.success(.failed(RegistryError(.other, "")))])
    }
  }
}

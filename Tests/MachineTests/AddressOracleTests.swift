#if canImport(Glibc)
  import Glibc
  import TestSupport
  import Testing
  import WarrenMachine

  /// The C library reads and writes addresses by the same RFCs, and was written by others.
  @Suite("Addresses, compared with the C library")
  struct AddressOracleTests {
    @Test("are read alike from 30,000 texts, most of them damaged")
    func reading() {
      var chance = SeededRandom(7)
      var accepted = 0
      for _ in 0..<30_000 {
        var text = Array(chance.address().description.utf8)
        for _ in 0..<Int.random(in: 0...2, using: &chance) { damage(&text, &chance) }
        let spelled = String(decoding: text, as: UTF8.self)
        // The C library knows interfaces' names as zones, which inet_pton does not read.
        if spelled.contains("%") { continue }
        let ours = try? IPAddress(spelled)
        #expect(ours == systemAddress(spelled), "reading \(spelled.debugDescription)")
        if let ours {
          accepted += 1
          #expect((try? IPAddress(ours.description)) == ours)
        }
      }
      #expect((10_000..<25_000).contains(accepted), "both kinds of text were tried")
    }

    @Test("are written alike")
    func writing() {
      var chance = SeededRandom(8)
      for _ in 0..<10_000 {
        let address = chance.address()
        // The C library still writes the first 96 bits of zero as IPv4, which RFC 4291, 2.5.5.1, gave up.
        if address.family == .v6, address.high == 0, address.low >> 32 == 0 { continue }
        #expect(address.description == systemText(address))
      }
    }

    private func damage(_ text: inout [UInt8], _ chance: inout SeededRandom) {
      let place = Int.random(in: 0...text.count, using: &chance)
      let sign = Array("0123456789abcdefFg:.: .-".utf8).randomElement(using: &chance)!
      switch Int.random(in: 0..<4, using: &chance) {
      case 0: text.insert(sign, at: place)
      case 1 where place < text.count: text[place] = sign
      case 2 where place < text.count: text.remove(at: place)
      default: text = Array(text[..<place])
      }
    }

    private func systemAddress(_ text: String) -> IPAddress? {
      var bytes = [UInt8](repeating: 0, count: 16)
      if inet_pton(AF_INET, text, &bytes) == 1 { return IPAddress(bytes[0], bytes[1], bytes[2], bytes[3]) }
      guard inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
      func half(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
      return IPAddress(v6: half(bytes[..<8]), half(bytes[8...]))
    }

    private func systemText(_ address: IPAddress) -> String {
      var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
      func bytes(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - $0 * 8)) }
      }
      switch address.family {
      case .v4: inet_ntop(AF_INET, Array(bytes(address.low)[4...]), &text, socklen_t(text.count))
      case .v6: inet_ntop(AF_INET6, bytes(address.high) + bytes(address.low), &text, socklen_t(text.count))
      }
      return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  extension SeededRandom {
    /// IPv4, IPv4 in IPv6, or IPv6 with as many zeroes as people write.
    fileprivate mutating func address() -> IPAddress {
      switch next() % 4 {
      case 0: return IPAddress(v4: UInt32(truncatingIfNeeded: next()))
      case 1: return IPAddress(v6: 0, 0xFFFF << 32 | next() >> 32)
      default:
        var halves = (next(), next())
        for group: UInt64 in 0..<8 where next() % 2 == 0 {
          let mask = ~(UInt64(0xFFFF) << (group % 4 * 16))
          if group < 4 { halves.0 &= mask } else { halves.1 &= mask }
        }
        return IPAddress(v6: halves.0, halves.1)
      }
    }
  }
#endif

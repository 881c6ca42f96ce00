import Testing
import Warren

@testable import WarrenRelay

@Suite("Whom a relay reaches")
struct RelayReachTests {
  /// IPv4 addresses that are nobody's on the internet, or everybody's.
  private static let inner = [
    "0.0.0.0", "0.0.0.1", "0.255.255.255", "10.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.0",
    "100.100.100.200", "100.127.255.255", "127.0.0.0", "127.0.0.1", "127.1.2.3", "127.255.255.255",
    "168.63.129.16", "169.254.0.1", "169.254.169.254", "169.254.170.2", "169.254.255.255", "172.16.0.0",
    "172.16.0.1", "172.31.255.255", "192.0.0.0", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.254", "255.255.255.255",
  ]
  private static let outer = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
    "128.0.0.0", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
    "192.0.1.0",
    "192.0.3.0", "192.88.98.1", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
    "203.0.112.1",
    "223.255.255.255",
  ]

  /// The ways in which IPv6 spells an IPv4 address; whether somebody could be meant who is on the internet.
  private static func spellings(_ text: String) throws -> [(IPAddress, mayBeMeant: Bool)] {
    let bits = UInt64(try IPAddress(text).v4Bits)
    return [
      // Mapped, compatible, translated.
      (IPAddress(v6: 0, 0xFFFF << 32 | bits), false), (IPAddress(v6: 0, bits), false),
      (IPAddress(v6: 0, 0xFFFF << 48 | bits), false),
      // NAT64, well known and local, the latter with the address at each of its places (RFC 6052, 2.2).
      (IPAddress(v6: 0x0064_FF9B << 32, bits), true), (IPAddress(v6: 0x0064_FF9B_0001 << 16, bits), false),
      (IPAddress(v6: 0x0064_FF9B_0001 << 16 | bits >> 16, bits << 40), false),
      // 6to4, with and without more behind it.
      (IPAddress(v6: 0x2002 << 48 | bits << 16, 0), true),
      (IPAddress(v6: 0x2002 << 48 | bits << 16 | 1, 0x1234), true),
      // Teredo's client, and its server.
      (IPAddress(v6: 0x2001_0000 << 32 | 0x0808_0808, bits ^ 0xFFFF_FFFF), false),
      (IPAddress(v6: 0x2001_0000 << 32 | bits, 0xF7F7_F7F7), false),
      // ISATAP in a network that is public, and in one that is not.
      (IPAddress(v6: 0x2600_0001 << 32, 0x0000_5EFE << 32 | bits), true),
      (IPAddress(v6: 0x2600_0001 << 32, 0x0200_5EFE << 32 | bits), true),
      (IPAddress(v6: 0xFE80 << 48, 0x0000_5EFE << 32 | bits), false),
    ]
  }

  @Test("is nobody inside, however he is spelt")
  func inside() throws {
    let reach = RelayReach()
    var count = 0
    for text in Self.inner {
      #expect(!reach.allows(try IPAddress(text)), "\(text)")
      for (spelling, _) in try Self.spellings(text) {
        #expect(!reach.allows(spelling), "\(text) as \(spelling)")
        count += 1
      }
    }
    let more = [
      "::", "::1", "::2", "::ffff:0:0", "100::1", "64:ff9b:1::1", "fc00::1", "fd00:ec2::254",
      "fdff:ffff:ffff:ffff::1", "fe80::1", "febf::1", "fec0::1", "feff::1", "ff02::1", "ff0e::1",
      "2001:db8::1",
      "2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1", "3fff::1", "3fff:fff:ffff::1",
      "4000::1", "5f00::1", "8000::1", "e000::1", "1fff::1",
    ]
    for text in more {
      #expect(!reach.allows(try IPAddress(text)), "\(text)")
      count += 1
    }
    #expect(!reach.allows(IPAddress(v6: 0x2600 << 48, 1, zone: 3)))
    #expect(count + Self.inner.count >= 200)
  }

  @Test("is everybody outside, and through tunnels to there")
  func outside() throws {
    let reach = RelayReach()
    for text in Self.outer {
      #expect(reach.allows(try IPAddress(text)), "\(text)")
      for (spelling, mayBeMeant) in try Self.spellings(text) {
        #expect(reach.allows(spelling) == mayBeMeant, "\(text) as \(spelling)")
      }
    }
    for text in ["2001:200::1", "2001:4860:4860::8888", "2600::1", "2a00::1", "3ffe::1"] {
      #expect(reach.allows(try IPAddress(text)), "\(text)")
    }
  }

  @Test("is whoever is permitted, but nobody who is forbidden, however he is spelt")
  func exceptions() throws {
    let reach = RelayReach(
      permits: [try IPPrefix("10.1.0.0/16"), try IPPrefix("fd00::/16"), try IPPrefix("127.0.0.0/8")],
      forbids: [try IPPrefix("10.1.2.0/24"), try IPPrefix("8.8.8.0/24"), try IPPrefix("2600:1::/32")])
    for text in ["10.1.3.4", "64:ff9b::10.1.3.4", "2002:a01:304::1", "fd00::1", "127.0.0.1", "1.1.1.1"] {
      #expect(reach.allows(try IPAddress(text)), "\(text)")
    }
    for text in [
      "10.1.2.3", "10.2.0.1", "64:ff9b::10.1.2.3", "2002:a01:203::1", "8.8.8.8", "64:ff9b::8.8.8.8",
      "2002:808:808::1", "2600:1::1", "fd01::1", "::ffff:127.0.0.1", "::127.0.0.1",
    ] {
      #expect(!reach.allows(try IPAddress(text)), "\(text)")
    }
  }
}

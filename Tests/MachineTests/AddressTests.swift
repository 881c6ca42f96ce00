import Testing
import WarrenMachine

@Suite("Addresses")
struct AddressTests {
  @Test(
    "are read and written in the one spelling of RFC 5952",
    arguments: [
      ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
      ("2001:db8::1", "2001:db8::1"), ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
      ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
      ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("fe80::1%7", "fe80::1%7"),
      ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
      ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
    ])
  func spelling(text: String, canonical: String) throws {
    let address = try IPAddress(text)
    #expect(address.description == canonical)
    #expect(try IPAddress(canonical) == address)
  }

  @Test(
    "that do not parse are refused with their text",
    arguments: [
      "", " ", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "-1.2.3.4", "1..3.4", "1.2.3.4\n",
      ":", ":::", "1::2::3", "12345::", "g::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
      "::1.2.3", "1.2.3.4::", "fe80::1%", "fe80::1%eth0", "fe80::1%0", "fe80::1%99999999999", "localhost",
      "١.٢.٣.٤", String(repeating: "1", count: 5000), String(repeating: ":", count: 5000),
    ])
  func refused(text: String) {
    #expect(throws: AddressError.notAnAddress(text)) { try IPAddress(text) }
    let shown = AddressError.notAnAddress(text).description
    #expect(shown.contains(text.prefix(20).debugDescription.dropLast()))
    #expect(shown.utf8.count < 600)
  }

  @Test("have a port, which is named when it is missing or wrong")
  func ports() throws {
    #expect(
      try SocketAddress("192.0.2.1:4433") == SocketAddress(IPAddress(192, 0, 2, 1), port: 4433))
    #expect(try SocketAddress("[2001:db8::1]:0").description == "[2001:db8::1]:0")
    #expect(throws: AddressError.missingPort("192.0.2.1")) { try SocketAddress("192.0.2.1") }
    #expect(throws: AddressError.missingPort("2001:db8::1")) { try SocketAddress("2001:db8::1") }
    for text in ["1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:+1", "1.2.3.4:80x", "[::1]:"] {
      #expect(throws: AddressError.badPort(text)) { try SocketAddress(text) }
    }
    for text in ["[::1:80", "[1.2.3.4]:80"] {
      #expect(throws: (any Error).self) { try SocketAddress(text) }
    }
  }

  @Test("know what they are for")
  func kinds() throws {
    func kinds(_ text: String) throws -> [String] {
      let address = try IPAddress(text)
      return [
        ("unspecified", address.isUnspecified), ("loopback", address.isLoopback),
        ("multicast", address.isMulticast), ("link-local", address.isLinkLocal),
        ("private", address.isPrivate), ("shared", address.isCarrierShared),
      ].filter(\.1).map(\.0)
    }
    #expect(try kinds("0.0.0.0") == ["unspecified"])
    #expect(try kinds("::") == ["unspecified"])
    #expect(try kinds("127.255.0.1") == ["loopback"])
    #expect(try kinds("::1") == ["loopback"])
    #expect(try kinds("239.1.2.3") == ["multicast"])
    #expect(try kinds("ff02::fb") == ["multicast"])
    #expect(try kinds("169.254.7.7") == ["link-local"])
    #expect(try kinds("febf::1") == ["link-local"])
    #expect(try kinds("fec0::1") == [])
    for text in ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00::1"] {
      #expect(try kinds(text) == ["private"])
    }
    for text in ["172.32.0.1", "172.15.0.1", "192.167.1.1", "8.8.8.8", "2001:db8::1", "100.63.0.1"] {
      #expect(try kinds(text) == [])
    }
    #expect(try kinds("100.64.0.1") == ["shared"])
    #expect(try kinds("100.127.255.255") == ["shared"])
    #expect(try IPAddress("::ffff:10.1.2.3").canonical == IPAddress(10, 1, 2, 3))
  }

  @Test("lie in blocks, from the empty prefix to the single address")
  func prefixes() throws {
    func contains(_ block: String, _ address: String) throws -> Bool {
      try IPPrefix(block).contains(IPAddress(address))
    }
    #expect(try contains("0.0.0.0/0", "255.1.2.3"))
    #expect(try !contains("0.0.0.0/0", "::1"))
    #expect(try contains("192.168.0.0/16", "192.168.255.1"))
    #expect(try !contains("192.168.0.0/16", "192.169.0.0"))
    #expect(try contains("1.2.3.4/32", "1.2.3.4"))
    #expect(try !contains("1.2.3.4/32", "1.2.3.5"))
    #expect(try contains("::/0", "ffff::"))
    #expect(try contains("2001:db8::/32", "2001:db8:ffff::1"))
    #expect(try !contains("2001:db8::/32", "2001:db9::"))
    #expect(try contains("2001:db8::/64", "2001:db8::ffff:0:0:1"))
    #expect(try !contains("2001:db8::/65", "2001:db8::8000:0:0:0"))
    #expect(try contains("::1/128", "::1"))
    #expect(try !contains("::1/128", "::2"))
    #expect(try IPPrefix("10.1.2.3/8").description == "10.0.0.0/8")
    #expect(try IPPrefix("10.0.0.0/8")[258] == IPAddress(10, 0, 1, 2))
    for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129"] {
      #expect(throws: AddressError.badPrefix(text)) { try IPPrefix(text) }
    }
  }

  @Test("have an order that is the same in every run")
  func order() throws {
    let texts = ["::1", "10.0.0.2", "2001:db8::1", "10.0.0.1", "9.255.0.0"]
    let sorted = try texts.map { try IPAddress($0) }.sorted().map(\.description)
    #expect(sorted == ["9.255.0.0", "10.0.0.1", "10.0.0.2", "::1", "2001:db8::1"])
  }
}

@Suite("Errors")
struct ErrorTests {
  @Test("name what they are about")
  func names() {
    let address = SocketAddress(IPAddress(192, 0, 2, 7), port: 81)
    let errors: [NetworkError] = [
      .addressInUse(address), .permissionDenied(doing: "binding", address), .connectionRefused(address),
      .connectionReset(address), .timedOut(address), .unreachable(address), .unusableDestination(address),
      .datagramTooLarge(size: 70_000, to: address),
    ]
    for error in errors { #expect(error.description.contains("192.0.2.7:81")) }
    #expect(NetworkError.addressNotAvailable(address).description.contains("192.0.2.7"))
    #expect(NetworkError.datagramTooLarge(size: 70_000, to: address).description.contains("70000"))
    #expect(NetworkError.noSuchInterface("wlan9").description.contains("wlan9"))
    #expect(NetworkError.nameNotFound("nowhere.example").description.contains("nowhere.example"))
  }
}

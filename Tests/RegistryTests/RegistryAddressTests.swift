import Testing
import WarrenMachine

@testable import WarrenRegistry

@Suite("A registry's address")
struct RegistryAddressTests {
  private static let key = MessageSamples.peer(77)

  @Test("is read as people write it, port and key being optional")
  func good() throws {
    let all: [(String, RegistryAddress)] = [
      ("warren://example.org", RegistryAddress(host: "example.org")),
      ("WARREN://example.org/", RegistryAddress(host: "example.org", port: 3478)),
      ("warren://example.org:1", RegistryAddress(host: "example.org", port: 1)),
      (
        "warren://192.0.2.1:65535/\(Self.key)",
        RegistryAddress(host: "192.0.2.1", port: 65_535, key: Self.key)
      ),
      ("warren://[2001:db8::1]", RegistryAddress(host: "2001:db8::1")),
      (
        "warren://[2001:db8::1]:99/\(Self.key)", RegistryAddress(host: "2001:db8::1", port: 99, key: Self.key)
      ),
      ("warren://[fe80::1%eth0]:99", RegistryAddress(host: "fe80::1%eth0", port: 99)),
      ("warren://bücher.example", RegistryAddress(host: "bücher.example")),
    ]
    for (text, address) in all {
      #expect(try RegistryAddress(text) == address)
      #expect(try RegistryAddress(address.description) == address)
    }
    #expect(RegistryAddress(at: SocketAddress(.loopback(.v6), port: 7)).description == "warren://[::1]:7")
  }

  @Test(
    "is not read where it is none, and the error says why",
    arguments: [
      "", "warren", "warren:", "warren:/example.org", "http://example.org", "example.org",
      " warren://example.org",
      "warren://", "warren:///", "warren://:3478", "warren://[]", "warren://[]:1", "warren://[::1",
      "warren://::1",
      "warren://[::1]x", "warren://[::1]1", "warren://example.org:", "warren://example.org:0",
      "warren://example.org:65536", "warren://example.org:-1", "warren://example.org:+80",
      "warren://example.org:1e3",
      "warren://example.org:1:2", "warren://example.org/key", "warren://example.org/\(key)x",
      "warren://example.org/\(key)/", "warren://example.org//\(key)", "warren://exam ple.org",
      "warren://example.org ", "warren://exam\u{1B}ple.org", "warren://example.org\n",
      "warren://me@example.org",
      "warren://example.org?x", "warren://example.org#x", "warren://[example.org]", "warren://::1]",
      "warren://a]b",
      "warren://exam\u{0}ple.org",
    ])
  func bad(text: String) {
    let error = #expect(throws: RegistryError.self) { try RegistryAddress(text) }
    #expect(error?.code == .badAddress)
    #expect(error?.reason.contains("warren://HOST:PORT/KEY") == true)
    #expect(error?.reason.unicodeScalars.contains { $0.couldDisturb } == false)
  }
}

import Testing
import Warren
import WarrenRelay

@Suite("A relay's address")
struct RelayServerAddressTests {
  @Test(
    "is what its URI says (RFC 7065)",
    arguments: [
      ("turn:example.org", "turn:example.org:3478?transport=udp"),
      ("TURN:example.org:80?Transport=TCP", "turn:example.org:80?transport=tcp"),
      ("turns:example.org", "turns:example.org:5349?transport=tcp"),
      ("turns:192.0.2.1:443?transport=tcp", "turns:192.0.2.1:443?transport=tcp"),
      ("turn:[2001:db8::1]", "turn:[2001:db8::1]:3478?transport=udp"),
      ("turn:[2001:db8::1]:5", "turn:[2001:db8::1]:5?transport=udp"),
    ])
  func reads(text: String, expected: String) throws {
    let address = try RelayServerAddress(text)
    #expect(address.description == expected)
    #expect(try RelayServerAddress(address.description) == address)
    // Whom nobody knows by a key somebody must vouch for.
    #expect(address.key == nil && address.authorities == .system)
  }

  @Test(
    "is nothing else",
    arguments: [
      "", "turn", "turn:", "stun:example.org", "turn:example.org:0", "turn:example.org:65536",
      "turn:example.org:",
      "turn:example.org?transport=sctp", "turn:example.org?transport=udp?x",
      "turns:example.org?transport=udp",
      "turn:[192.0.2.1]", "turn:[2001:db8::1", "turn:2001:db8::1", "turn:user@example.org",
      "turn://example.org",
      "turn:exa mple.org", "turn:example.org:+5", "turn:example.org:5x",
    ])
  func refuses(text: String) {
    let error = #expect(throws: RelayError.self) { try RelayServerAddress(text) }
    #expect(error?.code == .notAnAddress)
  }

  @Test("says nothing of the password")
  func secret() {
    let address = RelayServerAddress(host: "example.org", username: "alice", password: "open sesame")
    #expect(!"\(address)".contains("sesame") && !"\(address)".contains("alice"))
  }
}

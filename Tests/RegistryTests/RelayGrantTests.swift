import TestSupport
import Testing
import WarrenCrypto
import WarrenMachine
import WarrenRelay

@testable import WarrenRegistry

@Suite("A grant")
struct RelayGrantTests {
  private let grant = RelayGrant(
    transports: [.tls, .udp], username: "1:a", password: "secret", lifetime: .seconds(60),
    challenge: RelayChallenge(realm: "warren", nonce: [1, 2]))

  @Test("leads to each address over each transport, those first that cost least")
  func servers() {
    let addresses = [
      SocketAddress(IPAddress(192, 0, 2, 1), port: 3478),
      SocketAddress(IPAddress(v6: 0x2001_0DB8 << 32, 1), port: 4000),
    ]
    let key = MessageSamples.peer(5)
    let servers = grant.servers(at: addresses, key: key)
    #expect(servers.map(\.transport) == [.udp, .udp, .tls, .tls])
    #expect(servers.map(\.host) == ["192.0.2.1", "2001:db8::1", "192.0.2.1", "2001:db8::1"])
    #expect(servers.map(\.port) == [3478, 4000, 3478, 4000])
    #expect(servers.map(\.key) == [nil, nil, key, key])
    #expect(servers.allSatisfy { $0.username == "1:a" && $0.password == "secret" })
    #expect(servers.allSatisfy { $0.challenge == grant.challenge })
    #expect(grant.servers(at: [], key: key).isEmpty)
  }

  @Test("may name ways to it that only newer programs know, and keeps its password to itself")
  func newer() throws {
    var bytes = MessageSamples.bytes(.relay(grant))
    // The byte of the first field, behind its head and that of the message.
    #expect(bytes[7] == 17 && bytes[10] == 0b101)
    bytes[10] = 0b1111_1010
    var reader = MessageReader()
    reader.append(bytes)
    guard case .success(.relay(let found)) = try reader.next()?.message else {
      Issue.record("it was not understood")
      return
    }
    #expect(found.transports == [.tcp])
    #expect(!"\(grant)".contains("secret") && "\(grant)".contains("1:a"))
  }
}

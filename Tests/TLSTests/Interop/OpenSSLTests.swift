import Glibc
import TestSupport
import Testing
import WarrenCrypto
import WarrenEventLoop
import WarrenMachine
import WarrenTLS

/// Ours and OpenSSL's TLS. It knows no keys without certificates: so both sides have one.
@Suite("TLS with OpenSSL")
struct OpenSSLTests {
  static let obstacle = ForeignProgram.obstacle("openssl", package: "openssl")
  private static let configuration = TLSConfiguration(protocols: ["other", "warren-test"])

  /// Makes a key and its certificate.
  private static func identity(_ name: String, in folder: String) throws -> (TLSIdentity, PeerID) {
    let files = "-keyout \(folder)/\(name).key -out \(folder)/\(name).pem"
    let made = system(
      "openssl req -x509 -newkey ed25519 -nodes \(files) -subj /CN=\(name) -days 2 2>/dev/null")
    try #require(made == 0)
    let identity = try TLSIdentity(
      certificate: #require(Folder.text(of: "\(folder)/\(name).pem")),
      key: #require(Folder.text(of: "\(folder)/\(name).key")))
    return (identity, try PrivateKey(readingFile: "\(folder)/\(name).key").peerID)
  }

  private static let server = "openssl s_server -cert theirs.pem -key theirs.key -tls1_3 -rev -naccept 1"

  @Test(
    "as its client, who shows a certificate",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func client() async throws {
    try await LocalMachine.with { machine, folder in
      let (identity, _) = try Self.identity("ours", in: folder)
      let (_, peer) = try Self.identity("theirs", in: folder)
      let port = try machine.freePort()
      let words =
        "-accept 127.0.0.1:\(port) -alpn warren-test -Verify 1 -verify_return_error -CAfile ours.pem"
      try await ForeignProgram.with("\(Self.server) \(words)", in: folder) { program in
        let connection = try await TLSConnection.connect(
          over: machine.patientTCP(to: port), identity, Self.configuration, expecting: peer, name: "theirs")
        #expect(connection.peer == peer && connection.protocolName == "warren-test")
        try await connection.write(Array("forwards\n".utf8))
        #expect(try await connection.line() == "sdrawrof\n")
        await connection.close()
        #expect(try await program.end(on: machine) == "0\n")
        #expect(try await program.printed("CONNECTION CLOSED", on: machine).contains("CN = ours"))
      }
    }
  }

  @Test(
    "does not come about with another key, or without a protocol in common",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")), arguments: [false, true])
  func refused(isOther: Bool) async throws {
    try await LocalMachine.with { machine, folder in
      let (identity, own) = try Self.identity("ours", in: folder)
      let (_, peer) = try Self.identity("theirs", in: folder)
      let port = try machine.freePort()
      let words = "-accept 127.0.0.1:\(port) -alpn \(isOther ? "warren-test" : "third")"
      try await ForeignProgram.with("\(Self.server) \(words)", in: folder) { program in
        let tcp = try await machine.patientTCP(to: port)
        let error = await #expect(throws: TLSError.self) {
          _ = try await TLSConnection.connect(
            over: tcp, identity, Self.configuration, expecting: isOther ? own : peer)
        }
        #expect(error?.code == (isOther ? .wrongPeer(peer) : .noProtocol))
        let words2 = isOther ? "alert bad certificate" : "no application protocol"
        try await program.printed(words2, on: machine)
      }
    }
  }

  @Test(
    "as its server, through a change of keys that it asks for",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func server() async throws {
    try await LocalMachine.with { machine, folder in
      let (identity, _) = try Self.identity("ours", in: folder)
      let listener = try machine.listenTCP(on: .loopback(.v4))
      let port = listener.localAddress.port
      let words = "-tls1_3 -alpn warren-test -CAfile ours.pem -verify_return_error"
      try await ForeignProgram.with("openssl s_client -connect 127.0.0.1:\(port) \(words)", in: folder) {
        program in
        let connection = try await TLSConnection.accept(over: listener.accept(), identity, Self.configuration)
        listener.close()
        #expect(connection.peer == nil && connection.protocolName == "warren-test")
        let echoing = machine.spawn("an echo") { try await connection.echo() }
        program.say("one line\n")
        try await program.printed("one line\n", on: machine)
        program.say("K\n")
        try await program.printed("KEYUPDATE", on: machine)
        program.say("another line\n")
        let printed = try await program.printed("another line\n", on: machine)
        #expect(printed.contains("Verification: OK") && printed.contains("TLS_AES_128_GCM_SHA256"))
        program.say("Q\n")
        try await echoing.value
        #expect(try await program.end(on: machine) == "0\n")
      }
    }
  }
}

import Glibc
import TestSupport
import Testing
import WarrenCrypto
import WarrenEventLoop
import WarrenMachine
import WarrenTLS

/// Ours and GnuTLS' own programs, with keys and no certificates.
@Suite("TLS with GnuTLS' programs")
struct GnuTLSTests {
  static let obstacle =
    ForeignProgram.obstacle("gnutls-serv", package: "gnutls-bin")
    ?? ForeignProgram.obstacle("openssl", package: "openssl")
  private static let configuration = TLSConfiguration(protocols: ["warren-test"])
  private static let words =
    "--rawpkkeyfile theirs.key --rawpkfile theirs.pub "
    + "--priority NORMAL:-VERS-ALL:+VERS-TLS1.3:-CTYPE-ALL:+CTYPE-RAWPK"

  /// A key of theirs and one of ours.
  private static func keys(on machine: LocalMachine, in folder: String) throws -> (
    own: PrivateKey, peer: PeerID
  ) {
    var random = machine.random
    let theirs = PrivateKey(using: &random)
    try theirs.write(toFile: "\(folder)/theirs.key")
    try #require(system("openssl pkey -in \(folder)/theirs.key -pubout -out \(folder)/theirs.pub") == 0)
    return (PrivateKey(using: &random), theirs.peerID)
  }

  @Test(
    "as their client, who proves its key",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func client() async throws {
    try await LocalMachine.with { machine, folder in
      let keys = try Self.keys(on: machine, in: folder)
      let port = try machine.freePort()
      let command = "gnutls-serv -p \(port) --echo --require-client-cert --alpn warren-test --alpn-fatal"
      try await ForeignProgram.with("\(command) \(Self.words)", in: folder) { program in
        let connection = try await TLSConnection.connect(
          over: machine.patientTCP(to: port), TLSIdentity(keys.own), Self.configuration, expecting: keys.peer)
        #expect(connection.peer == keys.peer && connection.protocolName == "warren-test")
        try await connection.write(Array("there and back\n".utf8))
        #expect(try await connection.line() == "there and back\n")
        try await connection.finish()
        #expect(try await connection.read() == nil)
        await connection.close()
        let printed = try await program.printed("Client Signature: EdDSA-Ed25519", on: machine)
        #expect(printed.contains("Cipher: AES-128-GCM") || printed.contains("Cipher: AES-256-GCM"))
        // Somebody who speaks something else.
        var other = Self.configuration
        other.protocols = ["other"]
        let tcp = try await machine.patientTCP(to: port)
        await #expect(throws: TLSError(.noProtocol, isRemote: true)) {
          _ = try await TLSConnection.connect(over: tcp, TLSIdentity(keys.own), other, expecting: keys.peer)
        }
      }
    }
  }

  @Test(
    "as their server, who accepts them or does not",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")), arguments: [true, false])
  func server(accepts: Bool) async throws {
    try await LocalMachine.with { machine, folder in
      let keys = try Self.keys(on: machine, in: folder)
      let listener = try machine.listenTCP(on: .loopback(.v4))
      let command =
        "gnutls-cli -p \(listener.localAddress.port) 127.0.0.1 --no-ca-verification --alpn warren-test"
      try await ForeignProgram.with("\(command) \(Self.words)", in: folder) { program in
        var configuration = Self.configuration
        configuration.accepts = { _ in accepts }
        let tcp = try await listener.accept()
        listener.close()
        guard accepts else {
          await #expect(throws: TLSError(.unwantedPeer(keys.peer))) {
            _ = try await TLSConnection.accept(over: tcp, TLSIdentity(keys.own), configuration)
          }
          program.say("Hello?\n")
          try await program.printed("Access was denied", on: machine)
          return
        }
        let connection = try await TLSConnection.accept(over: tcp, TLSIdentity(keys.own), configuration)
        #expect(connection.peer == keys.peer && connection.protocolName == "warren-test")
        let echoing = machine.spawn("an echo") { try await connection.echo() }
        program.say("there and back\n")
        let printed = try await program.printed("there and back\n", on: machine)
        #expect(printed.contains("Raw Public Key") && printed.contains("AES-128-GCM"))
        await connection.close()
        _ = await echoing.result
      }
    }
  }
}

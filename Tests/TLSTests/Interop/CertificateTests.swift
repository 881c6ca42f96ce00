import TestSupport
import Testing
import WarrenCrypto
import WarrenEventLoop
import WarrenMachine

@testable import WarrenTLS

/// Our client at others' servers of every age, which show certificates.
@Suite(
  "TLS with a certificate", .enabled(if: Certificates.obstacle == nil, Certificates.obstacle),
  .enabled(if: OpenSSLTests.obstacle == nil, Comment(rawValue: OpenSSLTests.obstacle ?? "")))
struct CertificateTests {
  /// Lends `body` a server of somebody else's, and a way to connect with it.
  ///
  /// - Parameter chain: how many certificates there are in a file that it may show besides.
  private func withServer(
    _ command: String, keyType: String = "ecdsa", bits: Int? = nil, older: Bool = true, chain: Int = 0,
    _ body:
      @escaping @Sendable (ForeignProgram, LocalMachine, () async throws -> TLSConnection) async throws
      -> Void
  ) async throws {
    try await LocalMachine.with { machine, folder in
      let certificates = Certificates(in: folder)
      try certificates.make("authority", Certificates.Wish { $0.isAuthority = true })
      try certificates.make(
        "theirs", by: "authority", Certificates.Wish { ($0.keyType, $0.bits) = (keyType, bits) })
      let authority = try certificates.text("authority.pem")
      Folder.put(String(repeating: authority, count: chain), at: folder + "/chain.pem")
      var configuration = TLSConfiguration(protocols: [])
      configuration.authorities = .file(folder + "/authority.pem")
      configuration.allowsOlderVersion = older
      let settled = configuration
      let port = try machine.freePort()
      let words = command.replacing("PORT", with: "\(port)")
      try await ForeignProgram.with(words, in: folder) { program in
        try await body(program, machine) {
          try await TLSConnection.connect(
            over: machine.patientTCP(to: port), .anonymous(), settled, expecting: nil, name: "localhost")
        }
      }
    }
  }

  private static let openssl = "openssl s_server -cert theirs.pem -key theirs.key -accept 127.0.0.1:PORT"

  @Test(
    "of OpenSSL's speaks TLS 1.3, or 1.2 with what is as good",
    arguments: ["-tls1_3", "-tls1_2", "-no_ticket"], ["rsa", "ecdsa", "ed25519"])
  func openSSL(version: String, keyType: String) async throws {
    let command = "\(Self.openssl) \(version) -rev -naccept 1"
    try await withServer(command, keyType: keyType) { program, machine, connect in
      let connection = try await connect()
      #expect(connection.peer == nil)
      for _ in 0..<20 {
        try await connection.write(Array("forwards\n".utf8))
        #expect(try await connection.line() == "sdrawrof\n")
      }
      await connection.close()
      #expect(try await program.end(on: machine) == "0\n")
    }
  }

  @Test(
    "of OpenSSL's is left alone where it speaks nothing better than TLS 1.1, keeps its keys, or does not authenticate what it sends",
    arguments: [
      "-tls1_1 -cipher ALL:@SECLEVEL=0", "-tls1_2 -cipher AES128-GCM-SHA256",
      "-tls1_2 -cipher ECDHE-RSA-AES128-SHA256",
    ])
  func weak(words: String) async throws {
    try await withServer("\(Self.openssl) \(words)", keyType: "rsa") { _, _, connect in
      let error = await #expect(throws: TLSError.self) { _ = try await connect() }
      guard case .alert? = error?.code else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test(
    "of OpenSSL's is left alone where it shows more certificates than anybody needs", arguments: [14, 16])
  func long(count: Int) async throws {
    let command = "\(Self.openssl) -cert_chain chain.pem -rev"
    try await withServer(command, chain: count) { _, _, connect in
      if count < 15 { return await (try connect()).close() }
      let error = await #expect(throws: TLSError.self) { _ = try await connect() }
      #expect(error?.code == .badCertificate)
    }
  }

  @Test("of OpenSSL's is left alone where its key is too short", arguments: [1024, 2048])
  func short(bits: Int) async throws {
    let command = "\(Self.openssl) -cipher ALL:@SECLEVEL=0 -rev"
    try await withServer(command, keyType: "rsa", bits: bits) { _, _, connect in
      if bits >= 2048 { return await (try connect()).close() }
      let error = await #expect(throws: TLSError.self) { _ = try await connect() }
      #expect(error?.code == .badCertificate, "\(String(describing: error))")
    }
  }

  @Test("of OpenSSL's that speaks TLS 1.2 is left alone by who has not allowed it")
  func notAllowed() async throws {
    try await withServer("\(Self.openssl) -tls1_2", older: false) { _, _, connect in
      let error = await #expect(throws: TLSError.self) { _ = try await connect() }
      guard case .alert? = error?.code else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test("of OpenSSL's ends TLS 1.2 where it wants to begin anew in the middle")
  func renegotiation() async throws {
    try await withServer("\(Self.openssl) -tls1_2") { program, machine, connect in
      let connection = try await connect()
      try await program.printed("CIPHER is", on: machine)
      program.say("r\n")
      let error = await #expect(throws: TLSError.self) { _ = try await connection.line() }
      #expect(error?.code == .alert(100) && error?.isRemote == false, "\(String(describing: error))")
      await connection.close()
    }
  }

  @Test(
    "of GnuTLS' speaks TLS 1.2",
    .enabled(if: GnuTLSTests.obstacle == nil, Comment(rawValue: GnuTLSTests.obstacle ?? "")))
  func gnuTLS() async throws {
    let words = "--x509certfile theirs.pem --x509keyfile theirs.key --disable-client-cert"
    let command = "gnutls-serv --echo --quiet --port PORT \(words) --priority NORMAL:-VERS-ALL:+VERS-TLS1.2"
    try await withServer(command) { _, _, connect in
      let connection = try await connect()
      try await connection.write(Array("forwards\n".utf8))
      #expect(try await connection.line() == "forwards\n")
      await connection.close()
    }
  }

  @Test("is asked for no authorities without a name")
  func nameless() throws {
    var configuration = TLSConfiguration(protocols: [])
    configuration.authorities = .system
    let error = #expect(throws: TLSError.self) {
      _ = try TLSCore(.client(expecting: nil), .anonymous(), configuration, at: TLSLaboratory.start)
    }
    #expect(error?.code == .system)
  }
}

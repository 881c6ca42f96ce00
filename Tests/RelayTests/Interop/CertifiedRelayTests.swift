import TestSupport
import Testing
import Warren

@testable import WarrenRelay

/// Relays that say by an X.509 certificate who they are, as other people's do: coturn, which ends at TLS 1.2, and our own.
///
/// One test after the other, since each takes ports that were free just before.
@Suite(
  "A relay with a certificate", .serialized,
  .enabled(if: Certificates.obstacle == nil, Certificates.obstacle),
  .enabled(if: Coturn.obstacle == nil, Coturn.obstacle))
struct CertifiedRelayTests {
  typealias Wish = Certificates.Wish

  /// Lends `body` a coturn with a certificate, and who might have signed it.
  private func withCoturn(
    _ chain: [String] = ["server"], _ wish: Wish = Wish(),
    _ body: @escaping @Sendable (LocalMachine, Coturn, Certificates) async throws -> Void
  ) async throws {
    try await CoturnTests().withMachine { machine in
      try await Folder.with { folder in
        let certificates = Certificates(in: folder)
        let authority = Wish { $0.isAuthority = true }
        try certificates.make("authority", authority)
        try certificates.make("stranger", authority)
        try certificates.make("between", by: "authority", authority)
        try certificates.make("server", by: chain.count > 1 ? "between" : "authority", wish)
        try certificates.make("itself", wish)
        let shown = try chain.filter { $0 != "nobody" }.map { try certificates.text("\($0).pem") }
        Folder.put(shown.joined(), at: folder + "/shown.pem")
        let options = ["cert=\(folder)/shown.pem", "pkey=\(folder)/\(chain[0]).key"]
        try await Coturn.with(options, on: machine) { try await body(machine, $0, certificates) }
      }
    }
  }

  private func server(
    _ coturn: Coturn, _ authorities: TLSAuthorities?, host: String = "localhost"
  ) -> RelayServerAddress {
    var server = coturn.server(.tls)
    (server.host, server.authorities) = (host, authorities)
    return server
  }

  @Test(
    "carries datagrams over TLS 1.2 where an authority vouches for its name or address",
    arguments: ["rsa", "ecdsa"], ["localhost", "127.0.0.1"])
  func vouchedFor(keyType: String, host: String) async throws {
    let wish = Wish {
      ($0.keyType, $0.names, $0.addresses) = (keyType, ["elsewhere.example", "localhost"], ["127.0.0.1"])
    }
    try await withCoturn(["server"], wish) { machine, coturn, certificates in
      let authorities = TLSAuthorities.pem(try certificates.text("authority.pem"))
      let address = server(coturn, authorities, host: host)
      let socket = try await RelayClient.allocate(at: [address], on: machine)
      try await CoturnTests().carry(socket, on: machine)
      socket.close()
      #expect(coturn.log.contains("TLSv1.2"), "\(coturn.log)")
    }
  }

  @Test(
    "is taken with what stands between it and its authority, and for its own word where that is trusted",
    arguments: [
      (["server", "between"], "authority"), (["server", "between"], "between"), (["itself"], "itself"),
    ] as [([String], String)])
  func chains(chain: [String], authority: String) async throws {
    try await withCoturn(chain) { machine, coturn, certificates in
      let authorities = TLSAuthorities.pem(try certificates.text("\(authority).pem"))
      let socket = try await RelayClient.allocate(at: [server(coturn, authorities)], on: machine)
      socket.close()
    }
  }

  /// Why a relay is not taken, and what is wrong with it.
  struct Fault: Sendable {
    var code: TLSError.Code
    var chain = ["server"]
    var wish = Wish()
    var authority: String? = "authority"
  }

  @Test(
    "is not taken where nobody trusted vouches for it, or it is another's, or too old",
    arguments: [
      Fault(code: .unknownAuthority, authority: "stranger"),
      Fault(code: .unknownAuthority, authority: nil),
      Fault(code: .unknownAuthority, chain: ["server", "nobody"]),
      Fault(code: .unknownAuthority, chain: ["itself"]),
      Fault(code: .wrongName("localhost"), wish: Wish { $0.names = ["elsewhere.example", "*.localhost"] }),
      Fault(code: .wrongName("localhost"), wish: Wish { ($0.names, $0.addresses) = ([], ["127.0.0.1"]) }),
      Fault(code: .expired, wish: Wish { $0.years = (2020, 2021) }),
      Fault(code: .expired, wish: Wish { $0.years = (2090, 2091) }),
      Fault(code: .badCertificate, wish: Wish { $0.isServers = false }),
    ])
  func refused(fault: Fault) async throws {
    try await withCoturn(fault.chain, fault.wish) { machine, coturn, certificates in
      let authorities = try fault.authority.map { TLSAuthorities.pem(try certificates.text("\($0).pem")) }
      let error = await #expect(throws: RelayError.self) {
        _ = try await RelayClient.allocate(at: [server(coturn, authorities ?? .system)], on: machine)
      }
      guard case .tls(let reason)? = error?.code else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(reason.code == fault.code && !reason.isRemote, "\(reason)")
    }
  }

  @Test("is not spoken to over TLS 1.2 where its key is known, as a relay of ours is")
  func ownAreNew() async throws {
    try await withCoturn { machine, coturn, _ in
      var address = server(coturn, nil)
      for key in [machine.anyKey, nil] {
        address.key = key
        let error = await #expect(throws: RelayError.self) {
          _ = try await RelayClient.allocate(at: [address], on: machine)
        }
        guard case .tls(let reason)? = error?.code, case .alert = reason.code else {
          Issue.record("\(String(describing: error))")
          return
        }
      }
    }
  }

  @Test("of ours is taken for its certificate, over TLS 1.3, and refused for it")
  func ours() async throws {
    let open = try await onLocalMachines(["client", "relay"]) { machines in
      try await Folder.with { folder in
        let certificates = Certificates(in: folder)
        try certificates.make("authority", Wish { $0.isAuthority = true })
        try certificates.make("server", by: "authority", Wish { $0.names = ["localhost"] })
        let identity = try TLSIdentity(
          certificate: certificates.text("server.pem"), key: certificates.text("server.key"))
        var configuration = RelayConfiguration(
          RelayCredentials(users: ["alice": "sesame"]), at: RelayAddress(.loopback(.v4)))
        configuration.permits = [IPPrefix(.loopback(.v4), length: 32)]
        let relay = RelayServer(on: machines[1], configuration, identity: identity)
        let port = try #require(try await relay.start(at: .loopback(.v4), tls: .loopback(.v4)).tls).port
        var address = RelayServerAddress(
          host: "localhost", port: port, transport: .tls, username: "alice", password: "sesame")
        address.authorities = .file(folder + "/authority.pem")
        let socket = try await RelayClient.allocate(at: [address], on: machines[0])
        try await CoturnTests().carry(socket, on: machines[0])
        socket.close()
        address.authorities = .system
        let error = await #expect(throws: RelayError.self) {
          _ = try await RelayClient.allocate(at: [address], on: machines[0])
        }
        #expect(error?.code == .tls(TLSError(.unknownAuthority)))
        address.authorities = .file(folder + "/nothing.pem")
        let other = await #expect(throws: RelayError.self) {
          _ = try await RelayClient.allocate(at: [address], on: machines[0])
        }
        guard case .tls(let reason)? = other?.code, reason.code == .system else {
          Issue.record("\(String(describing: other))")
          return
        }
        await relay.stop()
      }
    }
    #expect(open == [0, 0])
  }
}

extension Machine {
  /// A key that is nobody's.
  fileprivate var anyKey: PeerID {
    var random = random
    return PrivateKey(using: &random).peerID
  }
}

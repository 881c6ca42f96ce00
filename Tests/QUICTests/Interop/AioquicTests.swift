import Glibc
import TestSupport
import Testing
import WarrenCrypto
import WarrenEventLoop
import WarrenMachine
import WarrenQUIC

/// Ours and aioquic's QUIC, which somebody else has written, over loopback. It knows no keys without certificates: so
/// both sides have one.
@Suite("A QUIC peer of aioquic's")
struct AioquicTests {
  private static let here = Folder.repository + "/Tests/QUICTests/Interop"
  private static let python = Folder.repository + "/.build/interop-aioquic/bin/python"

  static let obstacle: String? =
    access(python, X_OK) == 0 ? nil : "aioquic is not there: Scripts/interop.sh"

  /// Makes a certificate.
  ///
  /// - Returns: whose it is.
  private static func makeCertificate(
    _ name: String, in folder: String, from first: Int = -1, to last: Int = 1
  ) throws -> PeerID {
    let key = "\(folder)/\(name).hex"
    let command = "\(python) \(here)/make_certificate.py \(folder) \(name) \(first) \(last) >\(key)"
    #expect(system(command) == 0)
    let id = PeerID(bytes: bytes(hex: try #require(Folder.text(of: key))).span.bytes)
    return try #require(id)
  }

  private static func identity(_ name: String, in folder: String) throws -> QUICIdentity {
    try QUICIdentity(
      certificate: #require(Folder.text(of: "\(folder)/\(name).pem")),
      key: #require(Folder.text(of: "\(folder)/\(name).key")))
  }

  @Test(
    "serves ours: streams, datagrams, with a retry first or without",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")), arguments: [false, true])
  func serves(retries: Bool) async throws {
    try await Folder.with { folder in
      let key = try Self.makeCertificate("server", in: folder)
      _ = try Self.makeCertificate("client", in: folder)
      #expect(system("mkfifo \(folder)/in") == 0)
      let words =
        "serve --alpn warren-test --certificate server.pem --key server.key \(retries ? "--retry" : "")"
      // It ends when nobody holds the other end of its input any more.
      let start =
        "cd \(folder) && { \(Self.python) \(Self.here)/aioquic_peer.py \(words) <in >out 2>&1; } &"
      #expect(system(start) == 0)
      let input = try #require(fopen("\(folder)/in", "w"))
      let machine = LocalMachine(name: "alice")
      let identity = try Self.identity("client", in: folder)
      try await machine.run {
        try await machine.withDeadline(.seconds(30)) {
          let port = try await Folder.line(of: folder + "/out", on: machine).split(separator: " ").last?
            .dropLast()
          let address = SocketAddress(.loopback(.v4), port: try #require(port.flatMap { UInt16($0) }))
          let endpoint = QUICEndpoint(
            on: machine, identity, QUICConfiguration(protocols: ["other", "warren-test"]))
          try await endpoint.bind()
          let connection = try await endpoint.connect(to: address, expecting: key, name: "localhost")
          #expect(connection.peer == key && connection.protocolName == "warren-test")
          for size in [0, 1, 1000, 65_536, 1_000_000] {
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let stream = try await connection.openStream()
            machine.spawn("a writer") {
              try await stream.write(bytes)
              try await stream.finish()
            }
            var back: [UInt8] = []
            for try await chunk in stream { back += chunk }
            #expect(back == bytes)
          }
          let oneWay = try await connection.openStream(isBidirectional: false)
          try await oneWay.write([1, 2, 3])
          try await oneWay.finish()
          var streams = connection.incomingStreams.makeAsyncIterator()
          #expect(try await #require(await streams.next()).read(exactly: 3) == [1, 2, 3])
          try await connection.send(datagram: [7, 8, 9])
          var datagrams = connection.datagrams.makeAsyncIterator()
          #expect(await datagrams.next() == [7, 8, 9])
          await connection.close(code: 3, reason: "enough")
          await endpoint.close()
        }
      }
      fclose(input)
      await machine.close()
    }
  }

  @Test(
    "is served by ours, and changes keys in the middle or does not",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")), arguments: [false, true])
  func served(changesKeys: Bool) async throws {
    try await Folder.with { folder in
      _ = try Self.makeCertificate("server", in: folder)
      let machine = LocalMachine(name: "bob")
      let endpoint = QUICEndpoint(
        on: machine, try Self.identity("server", in: folder), QUICConfiguration(protocols: ["warren-test"]))
      let port = try await endpoint.bind(to: .loopback(.v4)).port
      let served = machine.spawn("serving") { () -> QUICError? in
        for await connection in endpoint.connections {
          machine.spawn("datagrams") {
            for await bytes in connection.datagrams { try await connection.send(datagram: bytes) }
          }
          for await stream in connection.incomingStreams {
            machine.spawn("an echo") {
              let back =
                stream.isBidirectional ? stream : try await connection.openStream(isBidirectional: false)
              for try await chunk in stream { try await back.write(chunk) }
              try await back.finish()
            }
          }
          return try await connection.closed()
        }
        return nil
      }
      let words =
        "connect 127.0.0.1 \(port) --alpn warren-test --ca server.pem \(changesKeys ? "--key-update" : "")"
      let start =
        "cd \(folder) && { \(Self.python) \(Self.here)/aioquic_peer.py \(words) >out 2>&1; echo $? >end; } &"
      #expect(system(start) == 0)
      try await machine.run {
        try await machine.withDeadline(.seconds(40)) {
          let end = try await Folder.line(of: folder + "/end", on: machine)
          #expect(end == "0\n", "\(Folder.text(of: folder + "/out") ?? "")")
          #expect(try await served.value == QUICError(.application(7), reason: "done", isRemote: true))
        }
      }
      await endpoint.close()
      await machine.close()
    }
  }

  /// What breaks a rule of QUIC, and RFC 9000's names for it (20.1).
  private static let refusals = """
    a stream that only the server may open: 0x5
    a stream on which only the server may send: 0x5
    a stream beyond the limit: 0x4
    a stop of a stream that was never opened: 0x5
    bytes beyond the stream's window: 0x3
    bytes beyond the connection's window: 0x3
    bytes behind the end: 0x6
    another end than before: 0x6
    a frame that nobody knows: 0x7
    a frame that ends in the middle: 0x7
    the server's word that the handshake is done: 0xa
    the server's token: 0xa
    an id that replaces itself: 0x7
    the end of an id that was never there: 0xa
    word of a packet that was never sent: 0xa
    more streams than there can be: 0x7
    more of a stream that takes nothing: 0x5
    a handshake without end: 0xd

    """

  @Test(
    "is refused with the error that it has earned, whichever rule it breaks",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func offends() async throws {
    try await Folder.with { folder in
      _ = try Self.makeCertificate("server", in: folder)
      let machine = LocalMachine(name: "bob")
      var configuration = QUICConfiguration(protocols: ["warren-test"])
      (configuration.streamWindow, configuration.window) = (262_144, 1_048_576)
      let endpoint = QUICEndpoint(on: machine, try Self.identity("server", in: folder), configuration)
      let port = try await endpoint.bind(to: .loopback(.v4)).port
      let start =
        "cd \(folder) && { \(Self.python) \(Self.here)/aioquic_peer.py offend 127.0.0.1 \(port) --alpn warren-test --insecure >out 2>&1; echo $? >end; } &"
      #expect(system(start) == 0)
      try await machine.run {
        let end = try await Folder.line(of: folder + "/end", on: machine)
        #expect(end == "0\n")
        #expect(Folder.text(of: folder + "/out") == Self.refusals)
        // Each of them is forgotten.
        try await machine.withDeadline(.seconds(20)) {
          while await endpoint.connectionCount > 0 { try await machine.sleep(for: .milliseconds(50)) }
        }
      }
      await endpoint.close()
      await machine.close()
    }
  }

  @Test(
    "is refused when its certificate is no longer valid, or is another's",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func refused() async throws {
    try await Folder.with { folder in
      let expired = try Self.makeCertificate("expired", in: folder, from: -10, to: -5)
      let foreign = try Self.makeCertificate("foreign", in: folder)
      let own = try Self.makeCertificate("own", in: folder)
      let machine = LocalMachine(name: "alice")
      for (name, key) in [("expired", expired), ("foreign", own)] {
        let server = QUICEndpoint(
          on: machine, try Self.identity(name, in: folder), QUICConfiguration(protocols: ["warren-test"]))
        let client = QUICEndpoint(
          on: machine, try Self.identity("own", in: folder), QUICConfiguration(protocols: ["warren-test"]))
        let address = try await server.bind(to: .loopback(.v4))
        try await client.bind(to: .loopback(.v4))
        let error = await #expect(throws: QUICError.self) {
          try await machine.run { _ = try await client.connect(to: address, expecting: key) }
        }
        #expect(error?.code == (name == "expired" ? .tls(42) : .wrongPeer(foreign)))
        await client.close()
        await server.close()
      }
      await machine.close()
    }
  }
}

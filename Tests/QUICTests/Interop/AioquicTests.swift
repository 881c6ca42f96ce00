import Glibc
import Testing
import WarrenCrypto
import WarrenEventLoop
import WarrenMachine
import WarrenQUIC

/// Ours and aioquic's QUIC, which somebody else has written, over loopback. It knows no keys without certificates: so
/// both sides have one.
@Suite("A QUIC peer of aioquic's")
struct AioquicTests {
  private static let here = #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
  private static let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }
  private static let python = root + "/.build/interop-aioquic/bin/python"

  static let obstacle: String? =
    access(python, X_OK) == 0 ? nil : "aioquic is not there: Scripts/interop.sh"

  /// A folder with certificates, which goes when the test is over.
  private final class Folder: Sendable {
    let path: String

    init() throws {
      var name: [CChar] = Array("/tmp/warren-XXXXXX".utf8CString)
      path = try #require(mkdtemp(&name).map { String(cString: $0) })
    }

    deinit { _ = system("rm -r \(path)") }

    func contents(_ name: String) -> String {
      guard let file = fopen("\(path)/\(name)", "r") else { return "" }
      defer { fclose(file) }
      var bytes = [UInt8](repeating: 0, count: 65_536)
      return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
    }

    /// Makes a certificate.
    ///
    /// - Returns: whose it is.
    func makeCertificate(_ name: String, from first: Int = -1, to last: Int = 1) throws -> PeerID {
      let command =
        "\(python) \(here)/make_certificate.py \(path) \(name) \(first) \(last) >\(path)/\(name).hex"
      #expect(system(command) == 0)
      let hex = Array(contents("\(name).hex").utf8)
      let bytes = try (0..<32).map { place in
        try #require(UInt8(String(decoding: hex[place * 2..<place * 2 + 2], as: UTF8.self), radix: 16))
      }
      let key = PeerID(bytes: bytes.span.bytes)
      return try #require(key)
    }

    func identity(_ name: String) throws -> QUICIdentity {
      try QUICIdentity(certificate: contents("\(name).pem"), key: contents("\(name).key"))
    }

    /// What stands in a file, as soon as it ends a line.
    func line(_ name: String, on machine: any Machine) async throws -> String {
      for _ in 0..<1000 {
        let text = contents(name)
        if text.hasSuffix("\n") { return text }
        try await machine.sleep(for: .milliseconds(20))
      }
      return contents(name)
    }
  }

  @Test(
    "serves ours: streams, datagrams, with a retry first or without",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")), arguments: [false, true])
  func serves(retries: Bool) async throws {
    let folder = try Folder()
    let key = try folder.makeCertificate("server")
    _ = try folder.makeCertificate("client")
    #expect(system("mkfifo \(folder.path)/in") == 0)
    let words =
      "serve --alpn warren-test --certificate server.pem --key server.key \(retries ? "--retry" : "")"
    // It ends when nobody holds the other end of its input any more.
    let start =
      "cd \(folder.path) && { \(Self.python) \(Self.here)/aioquic_peer.py \(words) <in >out 2>&1; } &"
    #expect(system(start) == 0)
    let input = try #require(fopen("\(folder.path)/in", "w"))
    let machine = LocalMachine(name: "alice")
    let identity = try folder.identity("client")
    try await machine.run {
      try await machine.withDeadline(.seconds(30)) {
        let port = try await folder.line("out", on: machine).split(separator: " ").last?.dropLast()
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

  @Test(
    "is served by ours, and changes keys in the middle or does not",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")), arguments: [false, true])
  func served(changesKeys: Bool) async throws {
    let folder = try Folder()
    _ = try folder.makeCertificate("server")
    let machine = LocalMachine(name: "bob")
    let endpoint = QUICEndpoint(
      on: machine, try folder.identity("server"), QUICConfiguration(protocols: ["warren-test"]))
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
      "cd \(folder.path) && { \(Self.python) \(Self.here)/aioquic_peer.py \(words) >out 2>&1; echo $? >end; } &"
    #expect(system(start) == 0)
    try await machine.run {
      try await machine.withDeadline(.seconds(40)) {
        let end = try await folder.line("end", on: machine)
        #expect(end == "0\n", "\(folder.contents("out"))")
        #expect(try await served.value == QUICError(.application(7), reason: "done", isRemote: true))
      }
    }
    await endpoint.close()
    await machine.close()
  }

  @Test(
    "is refused when its certificate is no longer valid, or is another's",
    .enabled(if: obstacle == nil, Comment(rawValue: obstacle ?? "")))
  func refused() async throws {
    let folder = try Folder()
    let expired = try folder.makeCertificate("expired", from: -10, to: -5)
    let foreign = try folder.makeCertificate("foreign")
    let own = try folder.makeCertificate("own")
    let machine = LocalMachine(name: "alice")
    for (name, key) in [("expired", expired), ("foreign", own)] {
      let server = QUICEndpoint(
        on: machine, try folder.identity(name), QUICConfiguration(protocols: ["warren-test"]))
      let client = QUICEndpoint(
        on: machine, try folder.identity("own"), QUICConfiguration(protocols: ["warren-test"]))
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

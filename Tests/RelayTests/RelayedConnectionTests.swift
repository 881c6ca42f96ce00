import TestSupport
import Testing
import Warren

@testable import WarrenRelay
@testable import WarrenSTUN

@Suite("A connection that a client claims at a relay")
struct RelayedConnectionTests {
  private static var key: STUNKey { STUNKey(username: "alice", realm: "test", password: "open sesame") }
  private static let challenge = RelayChallenge(realm: "test", nonce: Array("first".utf8))
  private static let peer = SocketAddress(IPAddress(198, 51, 100, 7), port: 80)

  /// A relay that says to each request what `answer` makes of it, in pieces of so many bytes; nil for hanging up.
  private static func claim(
    piece: Int = 1000, _ answer: @escaping @Sendable (Int, borrowing STUNMessage) -> [UInt8]?,
    _ body: @escaping @Sendable (Result<RelayedConnection, any Error>) async throws -> Void
  ) async throws {
    try await RelayWorld.simulated.run { scene in
      let address = SocketAddress(scene.serverIP(.v4), port: 3478)
      let server = scene.server
      let serving = try await server.run("the door") {
        nonisolated(unsafe) let listener = try server.listenTCP(on: address)
        return server.spawn("a relay") {
          defer { listener.close() }
          let tcp = try await listener.accept()
          var reader = RelayStreamReader()
          var count = 0
          while let bytes = try? await tcp.read() {
            reader.append(bytes)
            var said: [UInt8]? = []
            try reader.forEach { bytes in
              guard let message = try? STUNMessage(bytes) else { return false }
              said = answer(count, message)
              count += 1
              return false
            }
            guard let said else { break }
            for start in stride(from: 0, to: said.count, by: piece) {
              try await tcp.write(Array(said[start..<min(start + piece, said.count)]))
              try await server.sleep(for: .milliseconds(1))
            }
          }
          tcp.close()
        }
      }
      let credential = try LongTermCredential(
        username: "alice", password: "open sesame", challenge: challenge)
      let claim = RelayedConnection.Claim(
        id: 7, from: .loopback(.v4, port: 9), to: peer, relay: address, security: nil, credential: credential)
      let result: Result<RelayedConnection, any Error>
      do { result = .success(try await RelayedConnection.open(claim, on: scene.client)) } catch {
        result = .failure(error)
      }
      try await body(result)
      try? result.get().close()
      try await serving.value
    }
  }

  private static func yes(to message: borrowing STUNMessage, signed: Bool = true) -> [UInt8] {
    var writer = STUNMessageWriter()
    writer.beginAnswer(.success, to: message)
    if signed { writer.sign(with: key) }
    return writer.copy
  }

  private static func no(
    _ code: STUNErrorCode, to message: borrowing STUNMessage, nonce: String? = nil
  ) -> [UInt8] {
    var writer = STUNMessageWriter()
    writer.beginAnswer(.failure, to: message)
    writer.add(code)
    if let nonce {
      writer.add(.realm, "test")
      writer.add(.nonce, nonce)
    }
    return writer.copy
  }

  @Test(
    "takes as the peer's all that follows the answer, in whichever pieces it comes", arguments: [1, 7, 1000])
  func follows(piece: Int) async throws {
    try await Self.claim(piece: piece) { _, message in
      message.number(.connectionID) == 7 && message.isSigned(with: Self.key)
        ? Self.yes(to: message) + Array("and the peer's".utf8) : nil
    } _: { result in
      let connection = try result.get()
      #expect(try await connection.read(exactly: 14) == Array("and the peer's".utf8))
      #expect(connection.remoteAddress == Self.peer && connection.localAddress.port == 9)
    }
  }

  @Test("signs again with another nonce, a few times")
  func nonces() async throws {
    try await Self.claim { count, message in
      count < 3 ? Self.no(.staleNonce, to: message, nonce: "nonce \(count)") : Self.yes(to: message)
    } _: { result in
      _ = try result.get()
    }
    try await Self.claim { count, message in
      Self.no(.staleNonce, to: message, nonce: "nonce \(count)")
    } _: { result in
      #expect(throws: RelayError(.wrongPassword)) { try result.get() }
    }
    try await Self.claim { _, message in
      Self.no(.unauthenticated, to: message, nonce: "first")
    } _: { result in
      #expect(throws: RelayError(.wrongPassword)) { try result.get() }
    }
  }

  @Test("believes nobody who cannot prove that he is the relay, or makes no sense")
  func lies() async throws {
    let lies: [(@Sendable (borrowing STUNMessage) -> [UInt8]?, RelayError.Code?)] = [
      ({ Self.yes(to: $0, signed: false) }, .badAnswer), ({ Self.no(.badRequest, to: $0) }, .server(400)),
      ({ _ in nil }, nil), ({ _ in Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8) }, .badAnswer),
      ({ _ in [1, 0, 0xFF, 0xFC] + [UInt8](repeating: 0, count: 5_000) }, .badAnswer),
      ({ _ in [] }, .silent), ({ Array(Self.yes(to: $0).prefix(30)) }, .silent),
      (
        { message in
          var answer = Self.yes(to: message)
          answer[19] ^= 1
          return answer
        }, .badAnswer
      ),
    ]
    for (number, (lie, code)) in lies.enumerated() {
      try await Self.claim { _, message in
        lie(message)
      } _: { result in
        do {
          _ = try result.get()
          Issue.record("lie \(number) was believed")
        } catch {
          if let code { #expect((error as? RelayError)?.code == code, "lie \(number): \(error)") }
        }
      }
    }
  }
}

import TestSupport
import Testing
import Warren

@testable import WarrenTLS

@Suite("TLS used like TCP")
struct TLSStreamTests {
  private static let configuration = TLSConfiguration(protocols: ["warren-test"])

  /// A server on bob's machine, and a connection of alice's with it that may not be open yet.
  private static func connect(
    _ world: TwoMachines, expecting isRight: Bool = true,
    serve: @escaping @Sendable (Result<TLSConnection, any Error>) async throws -> Void,
    _ body: @escaping @Sendable (TLSStream) async throws -> Void
  ) async throws {
    try await world.run { machines in
      var random = machines.alice.random
      let (alice, bob) = (PrivateKey(using: &random), PrivateKey(using: &random))
      let (ports, continuation) = AsyncStream.makeStream(of: UInt16.self)
      let serving = machines.bob.spawn("serving") {
        let listener = try machines.bob.listenTCP(on: .any(.v4))
        continuation.yield(listener.localAddress.port)
        continuation.finish()
        let tcp = try await listener.accept()
        listener.close()
        do {
          let connection = try await TLSConnection.accept(over: tcp, TLSIdentity(bob), configuration)
          try await serve(.success(connection))
        } catch {
          try await serve(.failure(error))
        }
      }
      var port: UInt16 = 0
      for await value in ports { port = value }
      let tcp = try machines.alice.openTCP(
        to: SocketAddress(machines.bobIP(.v4), port: port), options: TCPOptions())
      let core = try TLSCore(
        .client(expecting: (isRight ? bob : alice).peerID), TLSIdentity(alice), configuration,
        at: machines.alice.now)
      let stream = TLSStream(core, over: tcp)
      #expect(stream.phase == .opening)
      try await body(stream)
      stream.close()
      try await serving.value
    }
  }

  private static func echo(_ result: Result<TLSConnection, any Error>) async throws {
    let connection = try result.get()
    while let bytes = try await connection.read() { try await connection.write(bytes) }
    try await connection.finish()
    await connection.close()
  }

  private static func ignore(_ result: Result<TLSConnection, any Error>) async throws {}

  @Test(
    "opens with the handshake, carries all bytes, and each side ends by itself",
    arguments: TwoMachines.allCases)
  func echoes(world: TwoMachines) async throws {
    try await Self.connect(world, serve: Self.echo) { stream in
      try await stream.opened()
      let said = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 8) }
      let writing = stream.machine.spawn("words") {
        try await stream.write(said)
        try stream.finish()
      }
      // In pieces that are no record's.
      var heard: [UInt8] = []
      while let bytes = try await stream.read(atMost: 1 + heard.count % 5_000) { heard += bytes }
      try await writing.value
      #expect(heard == said)
      #expect(try await stream.read() == nil, "the end stays the end")
      #expect(throws: NetworkError.finished) { try stream.writeNow([1 as UInt8].span.bytes) }
    }
  }

  @Test(
    "calls who wants to read as long as there is something, and nobody else", arguments: TwoMachines.allCases)
  func levels(world: TwoMachines) async throws {
    try await Self.connect(world, serve: Self.echo) { stream in
      try await stream.opened()
      try await stream.write([UInt8](repeating: 1, count: 100))
      // One byte at a time: TCP has given all of them with the first.
      nonisolated(unsafe) var heard = 0
      nonisolated(unsafe) var idle = 0
      stream.onReadable = {
        do {
          let bytes = try [UInt8](rawCapacity: 1) { (buffer) throws(NetworkError) in
            if try stream.readNow(into: &buffer) == .nothingYet { idle += 1 }
          }
          heard += bytes.count
        } catch {
          Issue.record("\(error)")
        }
      }
      for _ in 0..<1000 where heard < 100 { try await stream.machine.sleep(for: .milliseconds(10)) }
      #expect(heard == 100 && idle == 0)
      stream.onReadable = nil
      try await stream.write([2, 2])
      try await stream.machine.sleep(for: .milliseconds(300))
      #expect(heard == 100)
      #expect(try await stream.read(exactly: 2) == [2, 2])
    }
  }

  @Test(
    "stops taking bytes when nobody reads, and goes on when somebody does", arguments: TwoMachines.allCases)
  func backPressure(world: TwoMachines) async throws {
    let total = 8_000_000
    try await Self.connect(
      world,
      serve: { result in
        let connection = try result.get()
        try await connection.machine.sleep(for: .milliseconds(800))
        var heard = 0
        while let bytes = try await connection.read() { heard += bytes.count }
        #expect(heard == total)
        await connection.close()
      }
    ) { stream in
      try await stream.opened()
      let chunk = [UInt8](repeating: 5, count: 100_000)
      var taken = 0
      for _ in 0..<2 {
        while case let more = try stream.writeNow(chunk.span.bytes), more > 0 { taken += more }
        try await stream.machine.sleep(for: .milliseconds(200))
      }
      #expect(taken > 0 && taken < total)
      try await stream.write([UInt8](repeating: 5, count: total - taken))
      try stream.finish()
      #expect(try await stream.read() == nil)
    }
  }

  @Test("does not open where somebody else answers, and knows why", arguments: TwoMachines.allCases)
  func wrongPeer(world: TwoMachines) async throws {
    try await Self.connect(world, expecting: false, serve: Self.ignore) { stream in
      await #expect(throws: NetworkError.self) { try await stream.opened() }
      guard case .wrongPeer? = stream.failure?.code else {
        Issue.record("\(String(describing: stream.failure))")
        return
      }
      #expect(throws: NetworkError.self) { try stream.writeNow([1 as UInt8].span.bytes) }
    }
  }

  @Test("tells an end that was cut off from one that was said", arguments: TwoMachines.allCases)
  func truncated(world: TwoMachines) async throws {
    try await world.run { machines in
      var random = machines.alice.random
      let key = PrivateKey(using: &random)
      let (ports, continuation) = AsyncStream.makeStream(of: UInt16.self)
      let serving = machines.bob.spawn("serving") {
        let listener = try machines.bob.listenTCP(on: .any(.v4))
        continuation.yield(listener.localAddress.port)
        continuation.finish()
        nonisolated(unsafe) let tcp = try await listener.accept()
        listener.close()
        let connection = try await TLSConnection.accept(over: tcp, TLSIdentity(key), Self.configuration)
        try await connection.write([1, 2, 3])
        try tcp.finish()
        _ = try? await tcp.read()
        tcp.close()
      }
      var port: UInt16 = 0
      for await value in ports { port = value }
      let tcp = try await machines.alice.connectTCP(to: SocketAddress(machines.bobIP(.v4), port: port))
      let core = try TLSCore(
        .client(expecting: key.peerID), TLSIdentity(key), Self.configuration, at: machines.alice.now)
      let stream = TLSStream(core, over: tcp)
      try await stream.opened()
      #expect(try await stream.read(exactly: 3) == [1, 2, 3])
      await #expect(throws: NetworkError.connectionReset(stream.remoteAddress)) {
        _ = try await stream.read()
      }
      #expect(stream.failure?.code == .truncated)
      stream.close()
      await #expect(throws: NetworkError.closed) { _ = try await stream.read() }
      try await serving.value
    }
  }
}

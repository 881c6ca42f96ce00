import Testing
import Warren
import WarrenSimulator

@Suite("An echo, written once")
struct EchoTests {
  @Test("answers over UDP", arguments: TwoMachines.allCases, IPAddress.Family.allCases)
  func udp(world: TwoMachines, family: IPAddress.Family) async throws {
    try await world.run { pair in
      let server = EchoServer(on: pair.bob)
      let port = try await server.start(at: .any(family)).port
      let target = SocketAddress(pair.bobIP(family), port: port)
      let client = EchoClient(on: pair.alice)
      for size in [0, 1, 100, 1200] {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        let answer = try await client.call(target, with: bytes)
        #expect(answer.bytes == bytes)
        #expect(answer.from == target)
      }
      await client.close()
      await server.stop()
    }
  }

  @Test("answers over TCP", arguments: TwoMachines.allCases, IPAddress.Family.allCases)
  func tcp(world: TwoMachines, family: IPAddress.Family) async throws {
    try await world.run { pair in
      let server = EchoServer(on: pair.bob)
      let port = try await server.start(at: .any(family)).port
      let target = SocketAddress(pair.bobIP(family), port: port)
      let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      let answer = try await EchoClient(on: pair.alice).callOverTCP(target, with: bytes)
      #expect(answer.bytes == bytes)
      await server.stop()
    }
  }

  @Test("says when nobody answers", arguments: TwoMachines.allCases)
  func silence(world: TwoMachines) async throws {
    try await world.run { pair in
      // A socket that never answers.
      let silent = try await pair.bob.run {
        try pair.bob.bindUDP(to: .any(.v4)).localAddress.port
      }
      let target = SocketAddress(pair.bobIP(.v4), port: silent)
      let client = EchoClient(on: pair.alice)
      await #expect(throws: DeadlineExceeded.self) {
        try await client.call(target, with: [1], within: .milliseconds(200))
      }
      await client.close()
    }
  }
}

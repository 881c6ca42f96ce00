import Glibc
import TestSupport
import Testing
import Warren

@Suite("warren forward, and doctor", .needsWarren)
struct ForwardTests {
  private func talk(to place: String, on machine: any Machine) async throws -> [UInt8] {
    let connection = try await machine.connectTCP(to: SocketAddress(place))
    defer { connection.close() }
    nonisolated(unsafe) let unchecked = connection
    let said = [UInt8](repeating: 0x61, count: 1 << 20)
    let writing = machine.spawn("saying") {
      try await unchecked.write(said)
      try unchecked.finish()
    }
    var heard: [UInt8] = []
    while let bytes = try await connection.read() { heard += bytes }
    try await writing.value
    return heard
  }

  @Test("a port of bob's is one of alice's, for whom he allows, and no other is")
  func forward() async throws {
    try await onRegistry([]) { registry, machine, folder in
      let port = try machine.shout(at: SocketAddress(.loopback(.v4), port: 0))
      let environment = ["WARREN_REGISTRY": registry.address]
      var guests: [String] = []
      for name in ["alice", "other8", "other7"] {
        guests += [
          "--from",
          String(try await run(["key", "\(folder)/\(name).pem"], nil, machine, folder).out.dropLast()),
        ]
      }
      let bob = try WarrenProgram(
        "bob", in: folder,
        ["forward", "--loopback", "--allow", "\(port)", "--allow", "7=127.0.0.1:9", "--name", "bob"] + guests,
        settings: environment)
      try await machine.wait("bob") { bob.out.hasSuffix("\n") }
      let alice = try WarrenProgram(
        "alice", in: folder, ["forward", "--loopback", "-k", folder + "/alice.pem", "0", "bob:\(port)"],
        settings: environment)
      try await machine.wait("alice") { alice.out.hasSuffix("\n") }
      let heard = try await talk(to: String(alice.out.dropLast()), on: machine)
      #expect(heard == [UInt8](repeating: 0x41, count: 1 << 20))
      // What bob does not share, or nobody is behind, is refused, and the reason told.
      for (number, reason) in [("8", "port 8 of TCP is not shared"), ("7", "nothing answers behind port 7")] {
        let other = try WarrenProgram(
          "other\(number)", in: folder,
          ["forward", "--loopback", "-k", "\(folder)/other\(number).pem", "0", "bob:\(number)"],
          settings: environment)
        try await machine.wait("another") { other.out.hasSuffix("\n") }
        await #expect(throws: NetworkError.self) {
          try await talk(to: String(other.out.dropLast()), on: machine)
        }
        try await machine.wait("the reason") { other.err.contains(reason) }
        // Nothing is left of those who were refused.
        let count = bob.descriptorCount
        for _ in 0..<20 {
          await #expect(throws: NetworkError.self) {
            try await talk(to: String(other.out.dropLast()), on: machine)
          }
        }
        try await machine.wait("all to be closed") { bob.descriptorCount <= count + 2 }
        other.send(SIGTERM)
        #expect(try await other.end(on: machine).code == 143)
      }
      // Others are denied.
      let stranger = try await run(["forward", "--loopback", "0", "bob:\(port)"], registry, machine, folder)
      #expect(stranger.code == 77, "\(stranger)")
      let nobody = try await run(["forward", "--loopback", "0", "nobody:\(port)"], registry, machine, folder)
      #expect(nobody.code == 69, "\(nobody)")
      let unnamed = try await run(["forward", "--allow", "80"], registry, machine, folder)
      #expect(unnamed.code == 64 && unnamed.err.contains("give --from KEY, or --anyone"), "\(unnamed)")
      alice.send(SIGINT)
      #expect(try await alice.end(on: machine).code == 130)
      bob.send(SIGTERM)
      #expect(try await bob.end(on: machine).code == 143)
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("the doctor says what stands before this computer, in words and for programs")
  func doctor() async throws {
    try await onRegistry([]) { registry, machine, folder in
      let words = try await run(["doctor", "--loopback", "--no-router"], registry, machine, folder)
      #expect(words.code == 0 && words.out.contains("IPv4: "), "\(words)")
      #expect(words.out.contains("The registry at 127.0.0.1:") && words.out.contains("answers over UDP"))
      #expect(words.out.contains("What to expect with a peer that is\n"), "\(words)")
      #expect(words.out.contains("The relay turn:127.0.0.1:"), "\(words)")
      let json = try await run(["doctor", "--loopback", "--no-router", "--json"], registry, machine, folder)
      #expect(json.code == 0 && json.out.hasPrefix(#"{"udp_blocked":false,"#), "\(json)")
      let port = registry.address.split(separator: ":")[2].prefix { $0.isNumber }
      let asked = try await run(
        ["doctor", "--loopback", "--no-router", "--stun", "127.0.0.1:\(port)"], nil, machine, folder)
      #expect(asked.code == 0 && asked.out.contains("No NAT"), "\(asked)")
      let portal = try await run(
        ["doctor", "--no-router", "--portal-check", "http://127.0.0.1:9/"], nil, machine, folder)
      #expect(portal.code == 0 && portal.out.contains("Whether a page wants to be read first is not known"))
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }
}

import Glibc
import TestSupport
import Testing
import Warren

@Suite("warren chat with somebody who means harm", .needsWarren)
struct HostileChatTests {
  /// A peer of this library that talks as it likes.
  private func stranger(_ registry: RunningRegistry, on machine: any Machine) async throws -> Peer {
    var configuration = Peer.Configuration()
    configuration.name = "mallory"
    configuration.registry = try RegistryAddress(registry.address)
    configuration.usesLoopback = true
    configuration.protocols = ["warren-chat/1"]
    let peer = try Peer(configuration, on: machine)
    try await peer.start()
    return peer
  }

  /// Such as a message of this length, of which `bytes` come.
  private func frame(_ count: Int, _ bytes: [UInt8]) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + bytes
  }

  @Test("what makes no sense ends that conversation, with the reason, and nothing else")
  func garbage() async throws {
    try await onRegistry(["--no-relay"]) { registry, machine, folder in
      let bob = try await Chatter.known(as: "bob", registry, machine, in: folder)
      let carol = try await Chatter.known(as: "carol", registry, machine, in: folder)
      try await bob.talks(with: carol)
      let mallory = try await stranger(registry, on: machine)
      let attempts: [(bytes: [UInt8], answer: String)] = [
        (frame(65_537, []), "a message of 65537 bytes is too long: at most 65536 are taken"),
        (frame(Int(UInt32.max), []), "a message of 4294967295 bytes is too long"),
        (frame(2, [0xC3, 0x28]), "what was sent is no text in UTF-8"),
        (Array("GET / HTTP/1.1\r\n\r\n".utf8), "a message of 1195725856 bytes is too long"),
      ]
      for (number, attempt) in attempts.enumerated() {
        let connecting = machine.spawn("connecting") { try await mallory.connect(to: "bob") }
        try await machine.wait("a question") {
          bob.program.err.components("mallory asks to talk") == number + 1
        }
        bob.types("/allow mallory")
        let connection = try await connecting.value
        let stream = try await connection.openStream()
        try await stream.write(frame(4, Array("boo!".utf8)) + attempt.bytes)
        try await bob.isTold("The conversation with mallory is over: \(attempt.answer)")
        let end = try await connection.closed()
        #expect(end.isRemote && end.reason.contains(attempt.answer), "\(end)")
        try await machine.wait("what was right to be shown") {
          bob.program.out.components("mallory: boo!\n") == number + 1
        }
      }
      carol.types("still here")
      try await bob.hears("carol: still here\n")
      await mallory.close()
      try await bob.leaves()
      try await carol.leaves("exit")
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("control characters and long lines are shown as one line each, and what is too long is not sent")
  func lines() async throws {
    try await onRegistry(["--no-relay"]) { registry, machine, folder in
      let bob = try await Chatter.known(as: "bob", registry, machine, in: folder)
      let carol = try await Chatter.known(as: "carol", registry, machine, in: folder)
      try await bob.talks(with: carol)
      let long = String(repeating: "x", count: 65_536)
      carol.types(long)
      try await bob.hears("carol: \(long)\n")
      carol.types(long + "x")
      try await carol.isTold("a message of 65537 bytes is too long")
      carol.types("a\u{1B}]0;title\u{7}b\rc\u{2028}d")
      try await bob.hears("carol: a\u{FFFD}]0;title\u{FFFD}b\u{FFFD}c\u{FFFD}d\n")
      try await bob.leaves()
      try await carol.leaves("exit")
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }
}

extension String {
  /// How often something stands in it.
  fileprivate func components(_ part: String) -> Int {
    split(separator: part, omittingEmptySubsequences: false).count - 1
  }
}

import Glibc
import TestSupport
import Testing
import Warren

@Suite("warren pair and peer", .needsWarren)
struct PairTests {
  private func pair(
    _ name: String, _ registry: RunningRegistry, in folder: String, _ words: String...
  ) throws -> WarrenProgram {
    try WarrenProgram(name, in: folder, ["pair", "--loopback", "-r", registry.address] + words)
  }

  @Test("two who begin at the same time exchange 100 MB each, byte for byte", arguments: ["any", "--tcp"])
  func exchange(_ kind: String) async throws {
    try await onRegistry([]) { registry, machine, folder in
      let script =
        "cd \(folder) && head -c 100000000 /dev/urandom > one && head -c 100000000 /dev/urandom > two"
      try #require(system(script) == 0)
      let option = kind == "any" ? "--tries=3" : kind
      let alice = try pair("alice", registry, in: folder, "secret", option)
      let bob = try pair("bob", registry, in: folder, "secret")
      alice.type(bytes: Self.bytes(of: folder + "/one"))
      alice.endInput()
      bob.type(bytes: Self.bytes(of: folder + "/two"))
      bob.endInput()
      #expect(try await alice.end(on: machine, within: .seconds(60)) == (0, 0))
      #expect(try await bob.end(on: machine) == (0, 0))
      let arrived = "cmp \(folder)/one \(folder)/bob.out && cmp \(folder)/two \(folder)/alice.out"
      #expect(system(arrived) == 0)
      #expect(alice.err.contains("over \(kind == "any" ? "direct" : "tcp"),"), "\(alice.err)")
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("one direction may end long before the other, and a packed folder goes through")
  func halfClosed() async throws {
    try await onRegistry([]) { registry, machine, folder in
      let files = SentFiles(in: folder)
      try #require(system("cd \(folder) && tar cf all.tar holiday film.bin") == 0)
      let alice = try pair("alice", registry, in: folder, "secret")
      alice.endInput()
      let bob = try pair("bob", registry, in: folder, "secret")
      bob.type("a while")
      try await machine.wait("the first line") { alice.out == "a while\n" }
      bob.endInput()
      #expect(try await alice.end(on: machine) == (0, 0))
      #expect(try await bob.end(on: machine) == (0, 0))
      #expect(alice.out == "a while\n" && bob.out == "")

      let packer = try pair("packer", registry, in: folder, "another")
      let unpacker = try pair("unpacker", registry, in: folder, "another")
      unpacker.endInput()
      packer.type(bytes: Self.bytes(of: folder + "/all.tar"))
      packer.endInput()
      #expect(try await packer.end(on: machine) == (0, 0))
      #expect(try await unpacker.end(on: machine) == (0, 0))
      try #require(system("tar xf \(folder)/unpacker.out -C \(files.into)") == 0)
      #expect(files.haveArrived)
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("who is alone with a secret is told so, and so is a third one")
  func alone() async throws {
    try await onRegistry([]) { registry, machine, folder in
      func expect(
        _ code: CInt, _ text: String, _ words: String..., at place: SourceLocation = #_sourceLocation
      ) async throws {
        let result = try await run(["pair", "--loopback"] + words, registry, machine, folder)
        #expect(result.code == code && result.err.contains(text), "\(result)", sourceLocation: place)
        #expect(result.err.count { $0 == "\n" } == 1 && result.out == "", "\(result)", sourceLocation: place)
      }
      let waiting = try pair("waiting", registry, in: folder, "right", "--wait")
      try await machine.sleep(for: .milliseconds(500))
      try await expect(69, "nobody has come with this secret within", "wrong", "--timeout", "1s")
      try await expect(69, "nobody waits with this key", "wrong", "--ask")
      try await expect(77, "somebody waits with this key already", "right", "--wait")
      try await expect(64, "exclude each other", "right", "--wait", "--ask")
      waiting.send(SIGINT)
      #expect(try await waiting.end(on: machine) == (130, 0))
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("by the original's server two meet over JSON, and pipe over plain TCP")
  func plainly() async throws {
    try await onRegistry(["--pairing", "0"]) { registry, machine, folder in
      let said = registry.program.err
      let port = try #require(said.split(separator: "port=").last).prefix { $0.isNumber }
      let words = ["pair", "secret", "--server", "127.0.0.1:\(port)"]
      let bytes = Self.bytes(of: WarrenProgram.path).prefix(20_000_000)
      let alice = try WarrenProgram("alice", in: folder, words)
      let bob = try WarrenProgram("bob", in: folder, words)
      alice.type(bytes: Array(bytes))
      alice.endInput()
      bob.type("an answer")
      try await machine.wait("the answer") { alice.out == "an answer\n" }
      bob.endInput()
      #expect(try await alice.end(on: machine) == (0, 0))
      #expect(try await bob.end(on: machine) == (0, 0))
      #expect(Array(bytes) == Self.bytes(of: folder + "/bob.out"))
      #expect(alice.err.contains("connected over plain tcp"))
      let nobody = try await run(words + ["--timeout", "1s"], nil, machine, folder)
      #expect(nobody.code == 69 && nobody.err.contains("nobody has come within"), "\(nobody)")
      let once = try await run(words + ["--ask"], nil, machine, folder)
      #expect(once.code == 69 && once.err.contains("nobody waits with this key"), "\(once)")
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("a peer answers what another says, and both tell over which way")
  func peers() async throws {
    try await onRegistry([]) { registry, machine, folder in
      let bob = try WarrenProgram(
        "bob", in: folder, ["peer", "--loopback", "--id", "bob", "-r", registry.address])
      try await machine.wait("bob") { bob.out.hasSuffix("\n") }
      let words = ["peer", "--loopback", "--id", "alice", "--connect", "bob"]
      let said = try await run(words + ["-m", "hello", "-n", "3"], registry, machine, folder)
      #expect(said.code == 0 && said.out.split(separator: "\n").count == 3, "\(said)")
      #expect(said.out.contains(" ms direct: hello\n") && said.err.contains("3 answers: "), "\(said)")
      let typing = try WarrenProgram("typing", in: folder, words + ["-r", registry.address])
      typing.type("one")
      try await machine.wait("an answer") { typing.out.hasSuffix("direct: one\n") }
      typing.endInput()
      #expect(try await typing.end(on: machine) == (0, 0))
      #expect(bob.out.hasSuffix(": one\n"))
      bob.send(SIGINT)
      #expect(try await bob.end(on: machine) == (130, 0))
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  private static func bytes(of path: String) -> [UInt8] {
    let file = open(path, O_RDONLY)
    precondition(file >= 0)
    defer { close(file) }
    var info = stat()
    fstat(file, &info)
    return [UInt8](unsafeUninitializedCapacity: Int(info.st_size)) { memory, count in
      count = read(file, memory.baseAddress, memory.count)
    }
  }
}

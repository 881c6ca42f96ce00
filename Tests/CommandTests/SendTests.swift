import Glibc
import TestSupport
import Testing
import Warren

@Suite("warren send and receive", .needsWarren)
struct SendTests {
  @Test("files and folders arrive as they are, without a registry and by a name, and both sides end with 0")
  func sends() async throws {
    try await onRegistry([]) { registry, machine, folder in
      let files = SentFiles(in: folder)
      let open = try WarrenProgram("open", in: folder, files.receive + ["--yes"])
      try await machine.wait("the receiver") { open.out.hasSuffix("\n") }
      let place = String(open.out.dropLast())
      #expect(place.contains("@127.0.0.1:"))
      let sent = try await run(
        ["send", "--loopback", files.film, files.holiday, place], nil, machine, folder)
      #expect(sent.code == 0 && sent.err.contains("film.bin  done"), "\(sent)")
      #expect(files.haveArrived)
      #expect(
        open.out.contains("\n\(files.into)/film.bin\n") && open.out.contains("\n\(files.into)/holiday\n"))
      open.send(SIGINT)
      #expect(try await open.end(on: machine) == (130, 0))

      // The same once more has another name, as nothing is replaced.
      let named = try WarrenProgram(
        "named", in: folder, files.receive + ["--yes", "--once", "--name", "bob", "-r", registry.address])
      try await machine.wait("the receiver") { named.out.hasSuffix("\n") }
      let again = try await run(["send", "--loopback", files.film, "bob"], registry, machine, folder)
      #expect(again.code == 0, "\(again)")
      #expect(try await named.end(on: machine) == (0, 0))
      #expect(named.out.hasSuffix("/film (1).bin\n"))
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("what goes wrong is told in one line with a number for scripts")
  func wrong() async throws {
    try await onRegistry([]) { registry, machine, folder in
      let files = SentFiles(in: folder)
      func expect(
        _ code: CInt, _ text: String, _ words: String..., at place: SourceLocation = #_sourceLocation
      ) async throws {
        let result = try await run(words, registry, machine, folder)
        #expect(result.code == code && result.err.contains(text), "\(result)", sourceLocation: place)
        #expect(result.err.count { $0 == "\n" } == 1 && result.out == "", "\(result)", sourceLocation: place)
      }
      try await expect(64, "nobody can be asked here", "receive", "--loopback")
      try await expect(74, "cannot be written to", "receive", "--yes", "--into", folder + "/none")
      try await expect(74, "cannot be read", "send", folder + "/none", "bob")
      try await expect(69, "nobody is registered as", "send", "--loopback", files.film, "bob")
      var random = SeededRandom(7)
      let nobody = "\(PrivateKey(using: &random).peerID)@127.0.0.1:9"
      try await expect(69, "", "send", "--loopback", "--patience", "1s", files.film, nobody)
      // Who is on no list is turned away; who is needs not be asked about.
      let key = folder + "/alice.pem"
      let alice = try await run(["key", key], nil, machine, folder).out.dropLast()
      let strict = try WarrenProgram(
        "strict", in: folder,
        files.receive + ["--from", "\(alice)", "--name", "carol", "-r", registry.address])
      strict.endInput()
      try await machine.wait("the receiver") { strict.out.hasSuffix("\n") }
      try await expect(77, "", "send", "--loopback", files.film, "carol")
      let other = try await run(
        ["receive", "--loopback", "--yes", "--name", "carol"], registry, machine, folder)
      #expect(other.code == 77 && other.err.contains("somebody else is called \"carol\""), "\(other)")
      let known = try await run(
        ["send", "--loopback", "-k", key, files.film, "carol"], registry, machine, folder)
      #expect(known.code == 0, "\(known)")
      for program in [strict, registry.program] { program.send(SIGTERM) }
      for program in [strict, registry.program] { try await program.end(on: machine) }
    }
  }

  @Test("who sends is killed in the middle: the same command goes on, and all is right")
  func killedSender() async throws {
    try await onRegistry([]) { registry, machine, folder in
      let files = SentFiles(in: folder, filmMegabytes: 800)
      let receiver = try WarrenProgram(
        "receiver", in: folder, files.receive + ["--yes", "--name", "bob", "-r", registry.address])
      try await machine.wait("the receiver") { receiver.out.hasSuffix("\n") }
      let words = ["send", "--loopback", "-r", registry.address, files.film, "bob"]
      let first = try WarrenProgram("first", in: folder, words)
      try await machine.wait("a part") { files.partBytes > 20_000_000 }
      first.send(SIGKILL)
      #expect(try await first.end(on: machine).signal == SIGKILL)
      #expect(!files.filmHasArrived && files.partBytes > 20_000_000)
      // Until then the other side may take the two for one that comes over two ways at once.
      try await machine.sleep(for: PeerLimits.young)
      let again = try WarrenProgram("again", in: folder, words)
      #expect(try await again.end(on: machine, within: .seconds(60)) == (0, 0))
      #expect(again.err.contains("going on with film.bin"), "\(again.err)")
      #expect(files.filmHasArrived && Folder.names(in: files.into) == ["film.bin"])
      for program in [receiver, registry.program] { program.send(SIGTERM) }
      for program in [receiver, registry.program] { try await program.end(on: machine) }
    }
  }

  @Test("who receives is killed in the middle and started anew: the sender goes on by itself")
  func killedReceiver() async throws {
    try await onRegistry([]) { registry, machine, folder in
      let files = SentFiles(in: folder, filmMegabytes: 800)
      let words = files.receive + ["--yes", "--name", "bob", "-r", registry.address]
      let first = try WarrenProgram("first", in: folder, words)
      try await machine.wait("the receiver") { first.out.hasSuffix("\n") }
      let sender = try WarrenProgram(
        "sender", in: folder, ["send", "--loopback", "-r", registry.address, files.film, "bob"])
      try await machine.wait("a part") { files.partBytes > 20_000_000 }
      first.send(SIGKILL)
      try await first.end(on: machine)
      let before = files.partBytes
      let again = try WarrenProgram("again", in: folder, words)
      #expect(try await sender.end(on: machine, within: .seconds(90)) == (0, 0))
      #expect(before > 20_000_000 && sender.err.contains("is interrupted"), "\(sender.err)")
      #expect(files.filmHasArrived && Folder.names(in: files.into) == ["film.bin"])
      for program in [again, registry.program] { program.send(SIGTERM) }
      for program in [again, registry.program] { try await program.end(on: machine) }
    }
  }

  @Test("Ctrl-C ends a sender with 130, and the same command goes on")
  func interrupted() async throws {
    try await onRegistry([]) { registry, machine, folder in
      let files = SentFiles(in: folder, filmMegabytes: 800)
      let receiver = try WarrenProgram(
        "receiver", in: folder, files.receive + ["--yes", "--name", "bob", "-r", registry.address])
      try await machine.wait("the receiver") { receiver.out.hasSuffix("\n") }
      let words = ["send", "--loopback", "-r", registry.address, files.film, "bob"]
      let first = try WarrenProgram("first", in: folder, words)
      try await machine.wait("a part") { files.partBytes > 20_000_000 }
      first.send(SIGINT)
      #expect(try await first.end(on: machine) == (130, 0))
      #expect(first.err.contains("the same command goes on"), "\(first.err)")
      let again = try WarrenProgram("again", in: folder, words)
      #expect(try await again.end(on: machine, within: .seconds(60)) == (0, 0))
      #expect(files.filmHasArrived && again.err.contains("going on"), "\(again.err)")
      for program in [receiver, registry.program] { program.send(SIGTERM) }
      for program in [receiver, registry.program] { try await program.end(on: machine) }
    }
  }
}

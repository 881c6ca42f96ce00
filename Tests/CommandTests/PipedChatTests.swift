import Glibc
import TestSupport
import Testing
import Warren

@Suite("warren chat from a pipe", .needsWarren)
struct PipedChatTests {
  /// Somebody whose lines were all there before it began, and are all.
  private func piped(
    _ lines: [String], _ words: [String], _ registry: RunningRegistry?, _ machine: any Machine,
    in folder: String
  ) throws -> Chatter {
    let chatter = try Chatter("piped", words, machine, in: folder, registry: registry)
    for line in lines { chatter.types(line) }
    chatter.program.endInput()
    return chatter
  }

  @Test("lines wait until the one who is asked lets this one in; all are heard, and then it ends")
  func waiting() async throws {
    try await onRegistry(["--no-relay"]) { registry, machine, folder in
      let bob = try await Chatter.known(as: "bob", registry, machine, in: folder)
      let numbers = (0..<2000).map { "number \($0)" }
      let alice = try piped(
        ["connect bob"] + numbers, ["alice", "--loopback"], registry, machine, in: folder)
      try await bob.isTold("alice asks to talk: ")
      // It is in no hurry.
      try await machine.sleep(for: .milliseconds(500))
      bob.types("allow alice")
      try await bob.isTold("alice has ended the conversation.")
      #expect(try await alice.program.end(on: machine) == (0, 0), "\(alice.program.err)")
      #expect(!alice.program.err.contains("there is no command"))
      #expect(bob.program.out == numbers.map { "alice: \($0)\n" }.joined())
      // To a second one as well, when the first conversation is over.
      let carol = try await Chatter.known(as: "carol", registry, machine, in: folder)
      let both = ["connect bob", "to bob", "/close", "connect carol", "to carol"]
      let dave = try piped(both, ["dave", "--loopback"], registry, machine, in: folder)
      for chatter in [bob, carol] {
        try await chatter.isTold("dave asks to talk: ")
        chatter.types("allow dave")
      }
      #expect(try await dave.program.end(on: machine) == (0, 0), "\(dave.program.err)")
      try await bob.hears("dave: to bob\n")
      try await carol.hears("dave: to carol\n")
      try await bob.leaves("exit")
      try await carol.leaves("exit")
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("where nobody is there, or nobody any more, it ends with a number, and says nothing to others")
  func failing() async throws {
    try await onRegistry(["--no-relay"]) { registry, machine, folder in
      let bob = try await Chatter.known(as: "bob", registry, machine, in: folder)
      func expect(
        _ code: CInt, _ text: String, _ lines: String..., whileItRuns: () async throws -> Void = {},
        at place: SourceLocation = #_sourceLocation
      ) async throws {
        let alice = try piped(lines, ["alice", "--loopback"], registry, machine, in: folder)
        try await whileItRuns()
        #expect(try await alice.program.end(on: machine) == (code, 0), sourceLocation: place)
        let last = alice.program.err.split(separator: "\n").last ?? ""
        #expect(
          last.hasPrefix("warren: ") && last.contains(text), "\(alice.program.err)", sourceLocation: place)
      }
      try await expect(69, "nobody", "connect nobody", "hello?", "/exit")
      try await expect(69, "nobody", "connect nobody")
      try await expect(69, "nobody", "connect nobody", "exit")
      try await expect(77, "bob does not want to talk", "connect bob", "hello?") {
        try await bob.isTold("alice asks to talk: ")
        bob.types("deny alice")
      }
      #expect(bob.program.out == "")
      // A way of its own out of it.
      let again = try piped(
        ["connect nobody", "connect bob", "hello"], ["again", "--loopback"], registry, machine, in: folder)
      try await bob.isTold("again asks to talk: ")
      bob.types("allow again")
      #expect(try await again.program.end(on: machine) == (0, 0))
      try await bob.hears("again: hello\n")
      // What comes when the other side has gone is said to nobody.
      let late = try Chatter("late", ["late", "--loopback"], machine, in: folder, registry: registry)
      late.types("connect bob")
      try await bob.isTold("late asks to talk: ")
      bob.types("allow late")
      try await late.isTold("You talk with bob, over ")
      bob.types("/close")
      try await late.isTold("bob has ended the conversation.")
      late.types("are you there?")
      #expect(try await late.program.end(on: machine) == (69, 0))
      #expect(late.program.err.hasSuffix("has ended the conversation before all was said\n"))
      // Somebody who is killed has not heard all.
      let killed = try await Chatter.known(as: "killed", registry, machine, in: folder)
      let last = try Chatter("last", ["last", "--loopback"], machine, in: folder, registry: registry)
      try await last.talks(with: killed)
      killed.program.send(SIGSTOP)
      last.types("do you hear me?")
      last.program.endInput()
      try await machine.sleep(for: .seconds(3))
      killed.program.send(SIGKILL)
      #expect(try await last.program.end(on: machine, within: .seconds(40)).code == 69)
      try await killed.program.end(on: machine)
      try await bob.leaves("exit")
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("without its registry it ends with a number as well")
  func noRegistry() async throws {
    try await Folder.with { folder in
      _ = try await onLocalMachines(["watcher"], isAlone: true) { machines in
        let alice = try piped(
          ["connect bob", "hello"], ["alice", "--loopback", "-r", "warren://127.0.0.1:9"], nil, machines[0],
          in: folder)
        #expect(try await alice.program.end(on: machines[0]) == (69, 0))
        #expect(alice.program.err.hasSuffix("warren: the registry does not answer\n"), "\(alice.program.err)")
      }
    }
  }

  @Test(
    "between two: lines that were there first wait, arrive, and end it; without somebody there is a number")
  func two() async throws {
    try await Folder.with { folder in
      _ = try await onLocalMachines(["watcher"], isAlone: true) { machines in
        let machine = machines[0]
        let lines = (0..<500).map { "line \($0)" }
        let server = try Chatter("server", ["--serve", "-p", "0", "--loopback"], machine, in: folder)
        for line in lines { server.types(line) }
        server.program.endInput()
        try await server.isTold("for somebody to talk …\n")
        let port = String(server.program.err.split(separator: " ")[3])
        let words = ["--connect", "127.0.0.1:\(port)", "--loopback"]
        let client = try piped(["hello"], words, nil, machine, in: folder)
        #expect(try await server.program.end(on: machine) == (0, 0), "\(server.program.err)")
        #expect(try await client.program.end(on: machine) == (0, 0), "\(client.program.err)")
        #expect(client.program.out == lines.map { $0 + "\n" }.joined())
        #expect(server.program.out == "hello\n")
        let nobody = try Chatter("nobody", words, machine, in: folder)
        nobody.types("hello?")
        nobody.program.endInput()
        #expect(try await nobody.program.end(on: machine) == (69, 0))
        let empty = try Chatter("empty", ["--manual", "--loopback"], machine, in: folder)
        empty.program.endInput()
        #expect(try await empty.program.end(on: machine) == (69, 0))
        #expect(empty.program.err.hasSuffix("give it all that the other side prints\n"))
      }
    }
  }
}

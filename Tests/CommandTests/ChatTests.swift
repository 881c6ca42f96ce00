import Glibc
import TestSupport
import Testing
import Warren

@Suite("warren chat with a registry", .needsWarren)
struct ChatTests {
  @Test("three find each other, ask, are let in or not, say something, are called otherwise, and go")
  func three() async throws {
    try await onRegistry(["--no-relay"]) { registry, machine, folder in
      let alice = try await Chatter.known(as: "alice", registry, machine, in: folder)
      alice.types("all")
      try await alice.hears("Nobody else is there.")
      let bob = try await Chatter.known(as: "bob", registry, machine, in: folder)
      let carol = try await Chatter.known(as: "carol", registry, machine, in: folder)
      carol.types("all")
      try await carol.hears("alice\nbob\n")
      // Nobody is heard without being let in, and nobody lets in who has not asked.
      bob.types("allow alice")
      try await bob.isTold("alice does not ask to talk: nobody does.")
      bob.types("msg too early")
      try await bob.isTold("Nobody hears it: connect NAME begins a conversation.")
      try await alice.talks(with: bob)
      alice.types("how are you?")
      try await bob.hears("alice: how are you?\n")
      bob.types("msg msg works as well")
      try await alice.hears("bob: msg works as well\n")
      bob.types("//bin is a folder")
      try await alice.hears("bob: /bin is a folder\n")
      carol.types("connect alice")
      try await alice.isTold("carol asks to talk: /allow carol, or /deny carol")
      alice.types("/deny carol")
      try await carol.isTold("alice does not want to talk.\n")
      #expect(!carol.program.err.contains("127.0.0.1"))
      // A second conversation is open beside the first.
      try await carol.talks(with: bob, byTyping: "/allow")
      bob.types("to alice")
      try await alice.hears("bob: to alice\n")
      bob.types("/talk carol")
      bob.types("to carol")
      try await carol.hears("bob: to carol\n")
      #expect(!alice.program.out.contains("to carol"))
      bob.types("/rename alice")
      try await bob.isTold("the name \"alice\" is somebody else's")
      bob.types("/rename robert")
      try await bob.isTold("You are robert.")
      alice.types("/all")
      try await alice.hears("robert  in conversation, UDP ")
      carol.types("/exit")
      try await bob.isTold("carol has ended the conversation.")
      try await bob.isTold("talk alice goes on")
      bob.types("talk alice")
      bob.types("/close")
      try await bob.isTold("The conversation with alice is over.")
      try await alice.isTold("bob has ended the conversation.")
      #expect(try await carol.program.end(on: machine) == (0, 0))
      try await alice.leaves("exit")
      try await bob.leaves("exit")
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("a name that is somebody else's is refused, and one that is not given is drawn")
  func names() async throws {
    try await onRegistry(["--no-relay"]) { registry, machine, folder in
      let alice = try await Chatter.known(as: "alice", registry, machine, in: folder)
      let second = try Chatter("second", ["Alice", "--loopback"], machine, in: folder, registry: registry)
      #expect(try await second.program.end(on: machine) == (77, 0))
      #expect(
        second.program.err
          == "warren: the name \"Alice\" is somebody else's: choose another, or give none for one that is drawn\n"
      )
      let drawn = try Chatter("drawn", ["--loopback"], machine, in: folder, registry: registry)
      try await drawn.isTold("help tells what can be typed.")
      let words = drawn.program.err.split(separator: " ")
      let name = String(words[2].dropLast())
      #expect(name.split(separator: "-").count == 2, "\(drawn.program.err)")
      alice.types("all")
      try await alice.hears("\(name)\n")
      // The end of a pipe ends it, as somebody does who types exit.
      drawn.program.endInput()
      #expect(try await drawn.program.end(on: machine) == (0, 0))
      try await alice.leaves("exit")
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("what is said while the way changes to TCP and back arrives whole and in order")
  func ways() async throws {
    try await onRegistry(["--no-relay"]) { registry, machine, folder in
      let alice = try await Chatter.known(as: "alice", registry, machine, in: folder)
      let bob = try await Chatter.known(as: "bob", registry, machine, in: folder)
      try await alice.talks(with: bob)
      try await alice.isTold("You talk with bob, over UDP ")
      var number = 0
      func say(_ count: Int) {
        for _ in 0..<count {
          alice.types("number \(number)")
          number += 1
        }
      }
      say(300)
      alice.types("/tcp")
      say(300)
      try await alice.isTold("The way to bob is now TCP ")
      say(300)
      alice.types("/path")
      try await alice.hears(" ms there and back, in use\n")
      alice.types("/udp")
      say(300)
      try await alice.isTold("The way to bob is now UDP ")
      try await bob.isTold("The way to alice is now UDP ")
      say(300)
      try await bob.hears("alice: number \(number - 1)\n")
      let heard = bob.program.out.split(separator: "\n").filter { $0.hasPrefix("alice: number ") }
      #expect(heard.map(String.init) == (0..<number).map { "alice: number \($0)" })
      try await alice.leaves()
      try await bob.isTold("alice has ended the conversation.")
      try await bob.leaves("exit")
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("what was said last is heard before the program ends, and who is killed is missed")
  func ends() async throws {
    try await onRegistry(["--no-relay"]) { registry, machine, folder in
      let alice = try await Chatter.known(as: "alice", registry, machine, in: folder)
      let bob = try await Chatter.known(as: "bob", registry, machine, in: folder)
      let carol = try await Chatter.known(as: "carol", registry, machine, in: folder)
      try await alice.talks(with: bob)
      try await carol.talks(with: bob, byTyping: "/allow")
      for number in 0..<500 { alice.types("number \(number)") }
      alice.program.endInput()
      #expect(try await alice.program.end(on: machine) == (0, 0))
      try await bob.hears("alice: number 499\n")
      #expect(bob.program.out.split(separator: "\n").count == 500)
      carol.program.send(SIGKILL)
      try await carol.program.end(on: machine)
      try await bob.isTold(
        "The conversation with carol is over: it has gone without a word", atMost: .seconds(40))
      try await bob.leaves("exit")
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }
}

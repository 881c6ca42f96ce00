import Glibc
import TestSupport
import Testing
import Warren

@Suite("warren chat on a screen", .serialized, .needsScreen, .needsWarren)
struct ChatScreenTests {
  @Test("the prompt says on which way a conversation goes, while a line is being typed, and Tab knows names")
  func prompts() async throws {
    try await onRegistry(["--no-relay"]) { registry, machine, folder in
      let bob = try await Chatter.known(as: "bob", registry, machine, in: folder)
      _ = try await Chatter.known(as: "carol", registry, machine, in: folder)
      try await Screen.with(WarrenProgram.path, columns: 100, rows: 30) { screen in
        try await screen.start("chat alice --loopback -r \(registry.address)", first: "[alice]>")
        try await screen.wait("the registry") { $0.contains("You are alice. help tells what can be typed.") }
        try screen.type("con")
        try screen.press("Tab")
        try await screen.wait(forEnd: "[alice]> connect")
        try screen.type("b")
        try screen.press("Tab")
        try await screen.wait(forEnd: "[alice]> connect bob")
        try screen.press("Enter")
        try await bob.isTold("alice asks to talk")
        try screen.type("half a line")
        bob.types("allow alice")
        try await screen.wait("the way in the prompt") {
          $0.last!.hasPrefix("[alice][UDP ") && $0.last!.hasSuffix("]> half a line")
        }
        try await bob.isTold("You talk with alice")
        bob.types("look\u{1B}[2J\u{7}, \u{202E}harmless")
        try await screen.wait("what bob says above the line") {
          $0.contains("bob: look\u{FFFD}[2J\u{FFFD}, \u{FFFD}harmless")
            && $0.last!.hasSuffix("]> half a line")
        }
        bob.types("/tcp")
        try await screen.wait("another way in the prompt") {
          $0.last!.hasPrefix("[alice][TCP ") && $0.last!.hasSuffix("]> half a line")
        }
        try screen.press("Enter")
        try await bob.hears("alice: half a line\n")
        // What is typed now is said, and only a slash begins a command.
        try screen.type("con")
        try screen.press("Tab")
        try screen.press("C-u")
        try screen.type("/den")
        try screen.press("Tab")
        try await screen.wait("a command") { $0.last!.hasSuffix("]> /deny") }
        try screen.press("C-u")
        bob.types("/close")
        try await screen.wait(forEnd: "bob has ended the conversation.", "[alice]>")
        // What was typed is there again.
        try screen.press("Up")
        try await screen.wait(forEnd: "[alice]> half a line")
        try screen.press("C-c")
        try await screen.end(code: 0)
        #expect(
          Folder.text(of: screen.folder + "/.local/state/warren/chat-history")
            == "connect bob \nhalf a line\n")
      }
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }

  @Test("Ctrl-C ends a conversation in order, and leaves the terminal as it was")
  func interruption() async throws {
    try await onRegistry(["--no-relay"]) { registry, machine, folder in
      let bob = try await Chatter.known(as: "bob", registry, machine, in: folder)
      try await Screen.with(WarrenProgram.path, columns: 100, rows: 30) { screen in
        try await screen.start("chat alice --loopback -r \(registry.address)", first: "[alice]>")
        try await screen.wait(forEnd: "You are alice. help tells what can be typed.", "[alice]>")
        bob.types("connect alice")
        try await screen.wait("a question") {
          $0.contains("bob asks to talk: allow bob, or deny bob") && $0.last == "[alice]>"
        }
        try screen.type("allo")
        try screen.press("Tab Tab Enter")
        try await bob.isTold("You talk with alice")
        try await screen.wait("a conversation") { $0.last!.hasPrefix("[alice][UDP ") }
        try screen.type("unsaid")
        try screen.press("C-c")
        try await screen.end(code: 0)
        try await bob.isTold("alice has ended the conversation.")
        try await bob.leaves("exit")
      }
      registry.program.send(SIGTERM)
      try await registry.program.end(on: machine)
    }
  }
}

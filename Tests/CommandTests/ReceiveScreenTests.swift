import TestSupport
import Testing
import Warren

@Suite("warren receive and pair on a screen", .serialized, .needsWarren, .needsScreen)
struct ReceiveScreenTests {
  @Test("somebody is asked, says no and then yes, sees the bar, and leaves with Ctrl-C")
  func asked() async throws {
    try await onRegistry([]) { registry, machine, folder in
      let files = SentFiles(in: folder, filmMegabytes: 400)
      try await Screen.with(WarrenProgram.path, columns: 100) { screen in
        try screen.run(
          "clear; stty -a > before; $P receive --loopback --name bob --into \(files.into) -r \(registry.address); echo code $?; stty -a > after; echo over"
        )
        try await screen.wait("the receiver") { $0.last?.contains("warren send FILE bob") ?? false }
        let words = ["send", "--loopback", "-r", registry.address, files.film, "bob"]
        let first = try WarrenProgram("first", in: folder, words)
        try await screen.wait("the question") { $0.last?.contains("Take it? [y/N]") ?? false }
        #expect(try screen.lines().joined().contains("wants to send film.bin, 4"))
        try screen.type("n")
        try screen.press("Enter")
        #expect(try await first.end(on: machine) == (77, 0))
        #expect(first.err.contains("it is not wanted"))
        #expect(Folder.names(in: files.into) == [])
        let second = try WarrenProgram("second", in: folder, words)
        try await screen.wait("the question") { lines in
          lines.count { $0.contains("Take it?") } == 2
        }
        try screen.type("y")
        try screen.press("Enter")
        try await screen.wait("the bar") { $0.last?.contains("film.bin  [#") ?? false }
        #expect(try await second.end(on: machine, within: .seconds(60)) == (0, 0))
        try await screen.wait("the end") { $0.last?.hasSuffix("/in/film.bin") ?? false }
        try screen.press("C-c")
        try await screen.end(code: 130)
      }
      #expect(files.filmHasArrived)
      registry.program.send(15)
      try await registry.program.end(on: machine)
    }
  }

  @Test("who sends sees a bar, and Ctrl-C says that the same command goes on")
  func sending() async throws {
    try await onRegistry([]) { registry, machine, folder in
      let files = SentFiles(in: folder, filmMegabytes: 2000)
      let receiver = try WarrenProgram(
        "receiver", in: folder, files.receive + ["--yes", "--name", "bob", "-r", registry.address])
      try await machine.wait("the receiver") { receiver.out.hasSuffix("\n") }
      try await Screen.with(WarrenProgram.path, columns: 100) { screen in
        try screen.run(
          "clear; stty -a > before; $P send --loopback -r \(registry.address) \(files.film) bob; echo code $?; stty -a > after; echo over"
        )
        let line = try await screen.wait("the bar") { $0.last?.contains("film.bin  [#") ?? false }.last ?? ""
        #expect(line.contains(" % ") && line.contains("B/s") && line.contains("direct"), "\(line)")
        try screen.press("C-c")
        let seen = try await screen.end(code: 130).joined()
        #expect(seen.contains("interrupted; the same command goes on with it"), "\(seen)")
      }
      for program in [receiver, registry.program] { program.send(15) }
      for program in [receiver, registry.program] { try await program.end(on: machine) }
    }
  }

  @Test("two talk line by line, and Ctrl-C leaves the terminal as it was")
  func lines() async throws {
    try await onRegistry([]) { registry, machine, folder in
      try await Screen.with(WarrenProgram.path, columns: 100) { screen in
        let other = try WarrenProgram(
          "other", in: folder, ["pair", "--loopback", "-r", registry.address, "green frogs"])
        try screen.run(
          "clear; stty -a > before; $P pair --loopback -r \(registry.address) 'green frogs'; echo code $?; stty -a > after; echo over"
        )
        try await screen.wait("the connection") { $0.last?.contains("connected over direct") ?? false }
        other.type("hello")
        try await screen.wait("a word") { $0.last == "hello" }
        try screen.type("and you")
        try screen.press("Enter")
        try await machine.wait("an answer") { other.out == "and you\n" }
        try screen.press("C-c")
        try await screen.end(code: 130)
        let end = try await other.end(on: machine)
        #expect(end.code == 69 && other.err.contains("the other side has gone"), "\(end) \(other.err)")
      }
      registry.program.send(15)
      try await registry.program.end(on: machine)
    }
  }
}
